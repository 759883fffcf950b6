"""The doors to the pages: who may enter, what a form must carry, one transaction per form, errors told as pages."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from urllib.parse import urlencode

from sqlalchemy import Engine
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from registry.accounts.roles import Role
from registry.accounts.sessions import is_untouched, touch
from registry.console.console import Console
from registry.console.safety import check_form_token, check_origin
from registry.console.visits import Visit, enter, session_id_of
from registry.database import read, write
from registry.errors import CorruptArtifact, HyperMatchError, IllegalMove, NotAllowed, NotFound, Refused, Stale

Show = Callable[[Visit], Response]
Open = Callable[[Engine], AbstractContextManager[Session]]
CODES: dict[type[Exception], int] = {NotFound: 404, Refused: 422, IllegalMove: 409, Stale: 409, NotAllowed: 403,
                                     CorruptArtifact: 500}


def page(show: Show, role: Role | None = Role.VIEWER) -> Callable[[Request], Response]:
    """Return an endpoint that reads; None lets everybody in."""
    def endpoint(request: Request) -> Response:
        console = _console(request)
        with read(console.engine) as session:
            visit = enter(console, request, session)
            if role is not None and visit.person is None:
                return visit.leave(to_sign_in(request))
            if role is not None:
                visit.actor.check(role)
            response = visit.leave(show(visit))
            is_due = visit.person is not None and is_untouched(session, visit.session_id, visit.now)
        if is_due:
            with write(console.engine) as session:
                touch(session, visit.session_id, visit.now)
        return response

    return endpoint


def action(act: Show, role: Role | None, opens: Open = write) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that writes: its form is one of ours, and all it does is one transaction.

    With `opens=read` the act makes its own transactions, so that slow work holds up no other writer.
    """
    async def endpoint(request: Request) -> Response:
        console = _console(request)
        check_origin(request, console.settings)
        try:
            async with request.form(max_files=1, max_fields=200, max_part_size=1_000_000) as form:
                token = form.get("form_token", "")
                check_form_token(console.key, session_id_of(console, request), token if isinstance(token, str) else "")
                return await run_in_threadpool(_act, request, act, role, opens, dict(form))
        except (MultiPartException, HTTPException) as error:
            raise Refused("this form cannot be read") from error

    return endpoint


def to_sign_in(request: Request) -> Response:
    """Send the browser to sign in, and back to where it was; a form that came too late is told so."""
    is_form = request.method != "GET"
    wanted = _path_of(request.headers.get("referer", "")) if is_form else request.url.path
    told = {"to": wanted if wanted != "/" else "", "done": "session_over" if is_form else ""}
    query = urlencode({name: value for name, value in told.items() if value}, safe="/")
    return RedirectResponse(f"/sign-in?{query}" if query else "/sign-in", 303)


def problem(request: Request, error: Exception) -> Response:
    """Show an error that a person can mend."""
    assert isinstance(error, HyperMatchError)
    status = next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), 503)
    return _problem_page(request, status, error.what, error.mend)


def not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem_page(request, error.status_code, str(error.detail), "")


def broken(request: Request, _: Exception) -> Response:
    """A defect of ours; its traceback is in the log and nowhere else."""
    return _problem_page(request, 500, "this page has a defect", "the log of the console tells which")


def refused(request: Request, status: int, what: str) -> Response:
    """A request that was not let in at all."""
    return _problem_page(request, status, what, "")


def live(_: Request) -> Response:
    return PlainTextResponse("live")


def _act(request: Request, act: Show, role: Role | None, opens: Open, form: dict[str, object]) -> Response:
    console = _console(request)
    with opens(console.engine) as session:
        visit = enter(console, request, session)
        visit.form = {name: value.replace("\0", "") for name, value in form.items() if isinstance(value, str)}
        visit.file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
        if role is not None and visit.person is None:
            return to_sign_in(request)
        if role is not None:
            visit.actor.check(role)
        return visit.leave(act(visit))


def _problem_page(request: Request, status: int, what: str, mend: str) -> Response:
    console = _console(request)
    with read(console.engine) as session:
        visit = enter(console, request, session)
        back = request.headers.get("referer", "") if request.method == "POST" else ""
        return visit.show("problem.html", status, status=status, what=what, mend=mend,
                          back=_path_of(back) if back else "")


def _path_of(address: str) -> str:
    """Return the path of an address, so that a link never leaves the console."""
    path = "/" + address.split("://", 1)[-1].split("/", 1)[-1]
    return path if not path.startswith("//") else "/"


def _console(request: Request) -> Console:
    console: Console = request.app.state.console
    return console
