"""One look for drift: what our tests found, and Evidently's page of it in a sandbox of its own."""

from pathlib import Path

from starlette.responses import FileResponse, Response

from registry.console.pages.task import task_of
from registry.console.visits import Visit
from registry.errors import NotFound
from registry.tables import DriftCheck

EVIDENTLY = {"evidently": "", "evidently-labels": "-labels"}     # path -> how the file's name ends
# Evidently's page brings scripts and styles within itself. The sandbox gives it an origin of its own: no cookie, no
# session, no page of ours is within its reach, and the policy leaves it no host to talk to.
SANDBOX = {
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
                               "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
                               "frame-ancestors 'self'; form-action 'none'; base-uri 'none'",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}


def show(visit: Visit) -> Response:
    """Show one look for drift with all that it found."""
    check = _check_of(visit)
    kept = [name for name in EVIDENTLY if _file_of(visit, check, name) is not None]
    return visit.show("drift.html", task=task_of(visit), check=check, report=check.report, evidently=kept)


def show_evidently(visit: Visit, name: str) -> Response:
    """Send Evidently's page of a look, for a sandboxed frame."""
    check = _check_of(visit)
    file = _file_of(visit, check, name)
    if file is None:
        raise NotFound(f"Evidently's page of check {check.id} is not here",
                       "the newest pages are kept; HYPERMATCH_CONSOLE_DRIFT_REPORTS names the trainer's folder of them")
    return FileResponse(file, media_type="text/html; charset=utf-8", headers=SANDBOX)


def _check_of(visit: Visit) -> DriftCheck:
    task, number = task_of(visit), visit.request.path_params["check"]
    check = visit.session.get(DriftCheck, number)
    if check is None or check.task != task.name:
        raise NotFound(f"{task.name} has no drift check {number}")
    return check


def _file_of(visit: Visit, check: DriftCheck, name: str) -> Path | None:
    """Return a page within the folder of pages; its path is derived from the check alone."""
    if not visit.console.settings.drift_reports:
        return None
    folder = (Path(visit.console.settings.drift_reports) / "pages").resolve()
    file = (folder / check.task / f"{check.id}{EVIDENTLY[name]}.html").resolve()      # a link may lead elsewhere
    return file if file.is_relative_to(folder) and file.is_file() else None
