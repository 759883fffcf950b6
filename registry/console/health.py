"""Each task's health at a glance, read with a handful of grouped queries however many tasks there are."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from registry.heartbeats import live
from registry.tables import (
    Alias,
    AliasName,
    ClassProposal,
    DriftCheck,
    LabeledText,
    ModelVersion,
    ProposalState,
    Run,
    RunState,
    Stage,
    Task,
)
from registry.watching.tables import BankDay

WEEK = timedelta(days=7)
OPEN_STAGES = (Stage.AWAITING_APPROVAL, Stage.APPROVED)


@dataclass(frozen=True)
class TaskHealth:
    """One row of the overview."""

    name: str
    description: str
    champion: int | None
    champion_since: datetime | None
    accuracy: dict[str, float] | None                 # value, low, high on the gate set
    live_accuracy: float | None                       # estimated at the last look for drift
    novelty: float | None                             # share of that window's texts that are unlike what is known
    checked_at: datetime | None
    is_alarm: bool | None
    says: str                                         # of the last look for drift
    n_labels: int
    n_texts: int                                      # banked within a week
    n_versions_open: int
    n_proposals_open: int
    run: Run | None

    @property
    def n_waiting(self) -> int:
        """What waits for a person."""
        return self.n_versions_open + self.n_proposals_open


@dataclass(frozen=True)
class Traffic:
    """What the processes of the installation say of themselves."""

    lag: int | None
    is_broker_away: bool
    n_ingest: int
    n_servers: int
    n_trainers: int


SORTS = {
    "waiting": lambda task: (-task.n_waiting, not task.is_alarm, task.name),
    "name": lambda task: task.name,
    "accuracy": lambda task: (task.accuracy is None, task.accuracy["value"] if task.accuracy else 0, task.name),
    "age": lambda task: (task.champion_since is None, task.champion_since, task.name),
    "drift": lambda task: (not task.is_alarm, task.is_alarm is None, task.name),
    "novelty": lambda task: (-(task.novelty or 0.0), task.name),
    "traffic": lambda task: (-task.n_texts, task.name),
    "labels": lambda task: (-task.n_labels, task.name),
}


def tasks_health(session: Session, now: datetime, words: str = "") -> list[TaskHealth]:
    """Return the health of every task whose name or description holds `words`, by name."""
    champions, checks, runs = _champions(session), _last_checks(session), _active_runs(session)
    texts = _texts_of_the_week(session, now)
    labels, versions, proposals = (_counts(session, *each) for each in (
        (LabeledText.task, None), (ModelVersion.task, col(ModelVersion.stage).in_(OPEN_STAGES)),
        (ClassProposal.task, ClassProposal.state == ProposalState.PROPOSED)))
    found = []
    for task in session.exec(_tasks(words)):
        champion, check = champions.get(task.name), checks.get(task.name)
        found.append(TaskHealth(
            task.name, task.description, *(champion or (None, None, None)),
            *(check or (None, None, None, None, "")),  # type: ignore[misc]
            n_labels=labels.get(task.name, 0), n_texts=texts.get(task.name, 0),
            n_versions_open=versions.get(task.name, 0), n_proposals_open=proposals.get(task.name, 0),
            run=runs.get(task.name)))
    return found


def traffic(session: Session, now: datetime) -> Traffic:
    """Sum up what ingest, servers and trainers report."""
    beats = live(session, now)
    ingest = [beat.says for beat in beats if beat.kind == "ingest"]
    counts = {kind: sum(beat.kind == kind for beat in beats) for kind in ("ingest", "server", "trainer")}
    return Traffic(sum(says.get("lag", 0) for says in ingest) if ingest else None,
                   any(says.get("is_broker_away") for says in ingest), *counts.values())


def _tasks(words: str) -> Any:
    query = select(Task).order_by(col(Task.name))
    if not words:
        return query
    return query.where(col(Task.name).icontains(words, autoescape=True)
                       | col(Task.description).icontains(words, autoescape=True))


def _champions(session: Session) -> dict[str, tuple[int, datetime, dict[str, float] | None]]:
    """Read the accuracy alone: the whole evaluation of 200 champions is megabytes."""
    query = (select(ModelVersion.task, ModelVersion.number, Alias.changed_at, col(ModelVersion.evaluation)["accuracy"])
             .join(Alias, (col(Alias.task) == ModelVersion.task) & (col(Alias.version_number) == ModelVersion.number))
             .where(Alias.name == AliasName.CHAMPION))
    return {task: (number, since, accuracy) for task, number, since, accuracy in session.exec(query)}


def _last_checks(session: Session) -> dict[str, tuple[float | None, float | None, datetime, bool, str]]:
    newest = select(func.max(DriftCheck.id)).group_by(col(DriftCheck.task))
    query: Any = select(DriftCheck.task, col(DriftCheck.report)["accuracy"],  # type: ignore[call-overload]
                        col(DriftCheck.report)["novelty_rate"], DriftCheck.at, DriftCheck.is_alarm,
                        DriftCheck.reason).where(col(DriftCheck.id).in_(newest))
    return {task: (accuracy["value"] if accuracy else None, novelty, at, is_alarm, reason)
            for task, accuracy, novelty, at, is_alarm, reason in session.exec(query)}


def _active_runs(session: Session) -> dict[str, Run]:
    query = select(Run).where(col(Run.state).in_((RunState.REQUESTED, RunState.RUNNING))).order_by(col(Run.id).desc())
    return {run.task: run for run in session.exec(query)}


def _texts_of_the_week(session: Session, now: datetime) -> dict[str, int]:
    query = select(BankDay.task, func.sum(BankDay.n_texts)).where(BankDay.day > (now - WEEK).date())
    return dict(session.exec(query.group_by(col(BankDay.task))).all())


def _counts(session: Session, column: Any, where: Any) -> dict[str, int]:
    query = select(column, func.count()).group_by(column)
    return dict(session.exec(query if where is None else query.where(where)).all())
