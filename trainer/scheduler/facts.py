"""Measures what the decision to train rests on."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from ingest.bank.tally import Tally
from registry.lifecycle.runs import active_run, list_runs, requested_run
from registry.lifecycle.versions import latest_version
from registry.tables import LabeledText, ModelVersion, Part, Run, RunKind, RunState, Stage
from trainer.recipe import Recipe

UNFINISHED = ("interrupted", "abandoned")             # how the outcome of a run begins that was not at fault
REMEMBERED_RUNS = 20


@dataclass(frozen=True)
class Facts:
    """How things stand with one task."""

    n_labels: int                                     # train labels
    n_labeled_classes: int
    n_new_labels: int                                 # given or changed since the last good run began
    n_new_texts: int                                  # banked since the version before; 0 if the recipe takes none
    requested_by: str | None
    request_reason: str
    is_running: bool
    is_unfinished: bool                               # the last run was interrupted or its trainer died
    unfinished_reason: str
    n_failures: int                                   # in a row, up to now
    last_ended_at: datetime | None
    awaiting_approval: int | None                     # number of the newest version if it awaits approval

    def to_dict(self) -> dict[str, Any]:
        ended_at = None if self.last_ended_at is None else self.last_ended_at.isoformat()
        return asdict(self) | {"last_ended_at": ended_at}


def measure(session: Session, tally: Tally, task: str, recipe: Recipe) -> Facts:
    """Look at labels, runs, versions and, if the recipe learns from traffic, the bank."""
    trained = list_runs(session, task, limit=REMEMBERED_RUNS, kind=RunKind.TRAINING)
    runs = [run for run in trained if run.ended_at is not None]
    good = next((run for run in runs if run.state is RunState.SUCCEEDED), None)
    last, request = (runs[0] if runs else None), requested_run(session, task)
    newest = latest_version(session, task)
    n_labels, n_classes = _labels(session, task)
    is_unfinished = last is not None and _is_unfinished(last)
    return Facts(
        n_labels=n_labels, n_labeled_classes=n_classes,
        n_new_labels=n_labels if good is None else _labels_since(session, task, good.started_at),
        n_new_texts=_new_texts(tally, task, newest, recipe),
        requested_by=None if request is None else request.actor,
        request_reason="" if request is None else request.reason,
        is_running=active_run(session, task) is not None,
        is_unfinished=is_unfinished, unfinished_reason=last.reason if last is not None and is_unfinished else "",
        n_failures=_failures(runs), last_ended_at=None if last is None else last.ended_at,
        awaiting_approval=newest.number if newest is not None and newest.stage is Stage.AWAITING_APPROVAL else None,
    )


def _labels(session: Session, task: str) -> tuple[int, int]:
    query = select(func.count(), func.count(func.distinct(LabeledText.label)))
    found = session.exec(query.where(LabeledText.task == task, LabeledText.part == Part.TRAIN)).one()
    return int(found[0]), int(found[1])


def _labels_since(session: Session, task: str, began_at: datetime | None) -> int:
    query = select(func.count()).select_from(LabeledText).where(
        LabeledText.task == task, LabeledText.part == Part.TRAIN, col(LabeledText.labeled_at) > began_at)
    return int(session.exec(query).one())


def _new_texts(tally: Tally, task: str, newest: ModelVersion | None, recipe: Recipe) -> int:
    if not recipe.uses_traffic:
        return 0
    return tally.n_texts(task) if newest is None else tally.n_texts(task, newest.bank_version, newest.created_at)


def _is_unfinished(run: Run) -> bool:
    return run.state is RunState.FAILED and run.outcome.startswith(UNFINISHED)


def _failures(runs: list[Run]) -> int:
    """Count the failures since the last good run; an interruption is none."""
    n_failures = 0
    for run in runs:
        if run.state is RunState.SUCCEEDED:
            break
        n_failures += not _is_unfinished(run)
    return n_failures
