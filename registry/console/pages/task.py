"""One task: its versions, drift over time, labels, what more labels would bring, how its bank grows."""

import json
from typing import Any

from sqlmodel import Session, col, select
from starlette.responses import Response

from registry import acts
from registry.artifacts.store import ArtifactStore
from registry.audit import newest
from registry.console.series import share_series
from registry.console.visits import Visit
from registry.database import database_time
from registry.drift import list_drift_checks
from registry.errors import HyperMatchError
from registry.heartbeats import live
from registry.label_edits import label_counts
from registry.lifecycle.flip_progress import flip_progress
from registry.lifecycle.promotion import alias_of
from registry.lifecycle.runs import active_run, list_runs, requested_run
from registry.tables import AliasName, AuditEntry, DriftCheck, ModelVersion, Task
from registry.tasks import get_task, label_space
from registry.watching.bank_days import bank_days
from registry.watching.dead_letters import MAX_NOTES, count_dead_letters, day_before, list_dead_letters

CURVE_MEASURED = "curve:measured"                     # the audit entry that names a curve's artifact
MAX_VERSIONS, MAX_CHECKS, MAX_CURVE_BYTES, MAX_DEAD, MAX_ALARMS = 30, 60, 5_000_000, 6, 5
ALPHA = 0.01                                          # where a task was never checked


def show(visit: Visit) -> Response:
    """Show the task's state on one page."""
    session, task = visit.session, task_of(visit)
    checks = list(reversed(list_drift_checks(session, task.name, limit=MAX_CHECKS)))
    return visit.show(
        "task.html", task=task, space=label_space(session, task.name), versions=newest_versions(session, task.name),
        champion=alias_of(session, task.name, AliasName.CHAMPION), checks=checks, families=_families(visit, checks),
        alarms=[check for check in reversed(checks) if check.is_alarm][:MAX_ALARMS],
        alpha=checks[-1].report.get("alpha", ALPHA) if checks else ALPHA, counts=label_counts(session, task.name),
        curve=newest_curve(session, visit.console.store, task.name), growth=_growth(session, task.name),
        days={each.day: each.n_texts for each in bank_days(session, task.name)}, shares=_shares(visit, checks),
        dead=list_dead_letters(session, MAX_DEAD), n_dead=count_dead_letters(session, day_before(visit.now)),
        most_dead=MAX_NOTES,
        flip=flip_progress(session, task.name, database_time(session)),
        ingest=live(session, visit.now, "ingest"), runs=list_runs(session, task.name, limit=5),
        active=active_run(session, task.name), waiting=requested_run(session, task.name))


def request_run(visit: Visit) -> Response:
    """Ask the trainer for a run."""
    task = task_of(visit)
    acts.request_run(visit.session, visit.actor, task.name, reason=visit.given("reason") or "asked for in the console",
                     now=visit.now)
    return visit.go(f"/tasks/{task.name}", "run_requested")


def task_of(visit: Visit) -> Task:
    return get_task(visit.session, visit.request.path_params["task"])


def newest_versions(session: Session, task: str) -> list[Any]:
    """Return the newest versions without what only their own page shows."""
    query = select(ModelVersion.number, ModelVersion.stage, ModelVersion.label_space, ModelVersion.n_labels,
                   ModelVersion.created_at, ModelVersion.bank_version, ModelVersion.requested_by,
                   col(ModelVersion.evaluation)["accuracy"].label("accuracy"))  # type: ignore[call-overload]
    return list(session.exec(query.where(ModelVersion.task == task).order_by(col(ModelVersion.number).desc())
                             .limit(MAX_VERSIONS)))


def newest_curve(session: Session, store: ArtifactStore, task: str) -> dict[str, Any] | None:
    """Return the curve measured last with when it was, None if there is none or its artifact is gone."""
    entry = newest(session, AuditEntry.subject == task, AuditEntry.action == CURVE_MEASURED)
    if entry is None:
        return None
    try:
        content = store.load(str(entry.details["digest"])).files["curve.json"]
    except (HyperMatchError, KeyError):
        return None
    return {**json.loads(content[:MAX_CURVE_BYTES]), "measured_at": entry.at}


def _shares(visit: Visit, checks: list[DriftCheck]) -> dict[str, Any] | None:
    """Return the estimated shares of the labels at each look that has them; one look alone is no course of time."""
    looks = [check for check in checks if check.report.get("priors")]
    if len(looks) < 2:
        return None
    return {"series": share_series([check.report["priors"] for check in looks], visit.t("task.other_labels")),
            "days": [check.at.date() for check in looks],
            "of": {label: [check.report["priors"].get(label, 0.0) for check in looks]
                   for label in looks[-1].report["priors"]}}


def _families(visit: Visit, checks: list[DriftCheck]) -> dict[str, list[dict[str, Any]]]:
    """Return per family its p-value at every check that looked at it, all families together first."""
    names = sorted({name for check in checks for name in check.report.get("families", {})})
    timeline = {"all": [_spot(visit, check, check.p_value, check.is_alarm) for check in checks]} if checks else {}
    for name in names:
        timeline[name] = [_spot(visit, check, check.report["families"][name], name in check.report.get("alarmed", []))
                          for check in checks if name in check.report.get("families", {})]
    return timeline


def _spot(visit: Visit, check: DriftCheck, p_value: float, is_alarm: bool) -> dict[str, Any]:
    says = f"{check.at:%Y-%m-%d %H:%M}: p {p_value:.3g}" + (f"; {visit.said(check.reason)}" if is_alarm else "")
    return {"p": p_value, "day": f"{check.at:%Y-%m-%d}", "is_alarm": is_alarm, "says": says,
            "href": f"/tasks/{check.task}/drift/{check.id}"}


def _growth(session: Session, task: str) -> list[tuple[int, int]]:
    """Return (version, texts learned from beside the labels) as far as the versions tell, oldest first."""
    query = select(ModelVersion.number, col(ModelVersion.evaluation)["head"]["unlabeled_texts"])
    rows = session.exec(query.where(ModelVersion.task == task).order_by(col(ModelVersion.number).desc())
                        .limit(MAX_VERSIONS))
    return [(number, int(texts)) for number, texts in reversed(list(rows)) if texts is not None]
