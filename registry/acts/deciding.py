"""Deciding on model versions and asking for runs."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlmodel import Session, col

from registry.accounts.roles import Person, Role, needs
from registry.audit import newest
from registry.errors import Stale
from registry.lifecycle import flipping, flips, promotion, runs, trials
from registry.lifecycle.aliases import alias_of
from registry.lifecycle.stages import ACTIONS, name_of
from registry.lifecycle.versions import get_version
from registry.signing import Signer
from registry.tables import AliasName, AuditEntry, ModelVersion, Run, Stage
from registry.watching import discovery_requests
from registry.watching.tables import DiscoveryRequest

DECISIONS = ("model:registered", "model:rolled_back", promotion.ASKED_AGAIN, *ACTIONS.values())


@needs(Role.APPROVER)
def approve(session: Session, person: Person, task: str, number: int, *, digest: str, seen: str, reason: str,
            now: datetime, is_four_eyes: bool = False, signer: Signer | None = None) -> ModelVersion:
    """Approve the bytes that the person saw; doing it twice is doing it once."""
    version = get_version(session, task, number)
    if _is_done(session, version, Stage.APPROVED, person, "model:approved"):
        return version
    _check_seen(session, version, seen)
    return promotion.approve(session, task, number, actor=person.name, reason=reason, now=now, digest=digest,
                             is_four_eyes=is_four_eyes, signer=signer)


@needs(Role.APPROVER)
def request_changes(session: Session, person: Person, task: str, number: int, *, seen: str, reason: str,
                    now: datetime) -> ModelVersion:
    """Say what has to change before approval; doing it twice is doing it once."""
    version = get_version(session, task, number)
    if _is_done(session, version, Stage.CHANGES_REQUESTED, person, "model:changes_requested"):
        return version
    _check_seen(session, version, seen)
    return promotion.request_changes(session, task, number, actor=person.name, reason=reason, now=now)


@needs(Role.LABELER)
def request_approval(session: Session, person: Person, task: str, number: int, *, seen: str, reason: str,
                     now: datetime) -> ModelVersion:
    """Ask for approval again, as those who mend labels may; doing it twice is doing it once."""
    version = get_version(session, task, number)
    if _is_done(session, version, Stage.AWAITING_APPROVAL, person, promotion.ASKED_AGAIN):
        return version
    _check_seen(session, version, seen)
    return promotion.request_approval(session, task, number, actor=person.name, reason=reason, now=now)


@needs(Role.APPROVER)
def reject(session: Session, person: Person, task: str, number: int, *, seen: str, reason: str,
           now: datetime) -> ModelVersion:
    """Reject a version for good; doing it twice is doing it once."""
    version = get_version(session, task, number)
    if _is_done(session, version, Stage.REJECTED, person, "model:rejected"):
        return version
    _check_seen(session, version, seen)
    return promotion.reject(session, task, number, actor=person.name, reason=reason, now=now)


@needs(Role.APPROVER)
def promote(session: Session, person: Person, task: str, number: int, *, seen: str, reason: str,
            now: datetime) -> ModelVersion:
    """Make an approved version the champion; doing it twice is doing it once."""
    version = get_version(session, task, number)
    if _is_done(session, version, Stage.CHAMPION, person, "model:promoted"):
        return version
    _check_seen(session, version, seen)
    return promotion.promote(session, task, number, actor=person.name, reason=reason, now=now)


@needs(Role.APPROVER)
def roll_back(session: Session, person: Person, task: str, number: int, *, seen: str, reason: str,
              now: datetime) -> ModelVersion:
    """Return to a version that was champion before; doing it twice is doing it once."""
    version = get_version(session, task, number)
    if _is_done(session, version, Stage.CHAMPION, person, "model:rolled_back"):
        return version
    _check_seen(session, version, seen)
    return promotion.roll_back(session, task, number, actor=person.name, reason=reason, now=now)


@needs(Role.APPROVER)
def promote_together(session: Session, person: Person, task: str, number: int, *, seen: str, reason: str,
                     now: datetime, patience: timedelta = flipping.PATIENCE) -> flipping.Decision:
    """Have all servers change to an approved version together; doing it twice is doing it once.

    `now` is by the database's clock.
    """
    return _flip(session, person, get_version(session, task, number), flipping.promote_together, "model:promoted",
                 seen=seen, reason=reason, now=now, patience=patience)


@needs(Role.APPROVER)
def roll_back_together(session: Session, person: Person, task: str, number: int, *, seen: str, reason: str,
                       now: datetime, patience: timedelta = flipping.PATIENCE) -> flipping.Decision:
    """Have all servers return together to a version that was champion; doing it twice is doing it once.

    `now` is by the database's clock.
    """
    return _flip(session, person, get_version(session, task, number), flipping.roll_back_together, "model:rolled_back",
                 seen=seen, reason=reason, now=now, patience=patience)


@needs(Role.APPROVER)
def give_up_flip(session: Session, person: Person, task: str, number: int, *, reason: str,
                 now: datetime) -> ModelVersion:
    """Give up the flip to a version while servers prepare it; doing it twice is doing it once."""
    version = get_version(session, task, number)
    if flips.give_up_flip(session, task, number, actor=person.name, reason=reason, now=now) is None:
        last = _last_entry(session, version, (flips.STARTED, flips.FLIPPED, flips.GIVEN_UP))
        if last is None or (last.action, last.actor) != (flips.GIVEN_UP, person.name):
            who = _who(last)
            raise Stale(f"no flip to {name_of(version)} is under way{who}",
                        "look again: a flip that was committed is undone by a roll back")
    return version


@needs(Role.APPROVER)
def start_trial(session: Session, person: Person, task: str, number: int, name: AliasName, *, seen: str,
                share: float | None, reason: str, now: datetime) -> ModelVersion:
    """Try a version beside the champion; doing it twice is doing it once."""
    version, alias = get_version(session, task, number), alias_of(session, task, name)
    if alias is not None and (alias.version_number, alias.share) == (number, share):
        return version
    _check_seen(session, version, seen)
    return trials.start_trial(session, task, number, name, share=share, actor=person.name, reason=reason, now=now)


@needs(Role.APPROVER)
def end_trial(session: Session, person: Person, task: str, number: int, name: AliasName, *, reason: str,
              now: datetime) -> ModelVersion:
    """End the trial of a version; harmless if it has ended already."""
    version, alias = get_version(session, task, number), alias_of(session, task, name)
    if alias is not None and alias.version_number == number:
        trials.end_trial(session, task, name, actor=person.name, reason=reason, now=now)
    return version


@needs(Role.APPROVER)
def request_run(session: Session, person: Person, task: str, *, reason: str, now: datetime) -> Run:
    """Ask for a run; asking again while one waits returns the one that waits."""
    return runs.request_run(session, task, actor=person.name, reason=reason, now=now)


@needs(Role.APPROVER)
def request_discovery(session: Session, person: Person, task: str, *, reason: str, now: datetime) -> DiscoveryRequest:
    """Ask for a look at new classes; asking again while one waits returns the one that waits."""
    return discovery_requests.request_discovery(session, task, actor=person.name, reason=reason, now=now)


def last_decision(session: Session, version: ModelVersion) -> AuditEntry | None:
    """Return the entry of what was last decided on a version."""
    return _last_entry(session, version, DECISIONS)


def _flip(session: Session, person: Person, version: ModelVersion, ask: Callable[..., flipping.Decision], action: str,
          *, seen: str, reason: str, now: datetime, patience: timedelta) -> flipping.Decision:
    flip = flips.flip_of(session, version.task)
    if flip is not None and flip.version_number == version.number and (flip.terms or {})["actor"] == person.name:
        return flipping.advance(session, version.task, by=person.name, now=now)
    if _is_done(session, version, Stage.CHAMPION, person, action):
        champion = alias_of(session, version.task, AliasName.CHAMPION)
        return flipping.Decision(flipping.Act.COMMIT, "it is the champion already",
                                 None if champion is None else champion.from_at)
    _check_seen(session, version, seen)
    return ask(session, version.task, version.number, actor=person.name, reason=reason, now=now, patience=patience)


def _last_entry(session: Session, version: ModelVersion, actions: Collection[str]) -> AuditEntry | None:
    return newest(session, AuditEntry.subject == name_of(version), col(AuditEntry.action).in_(actions))


def _is_done(session: Session, version: ModelVersion, stage: Stage, person: Person, action: str) -> bool:
    """Say whether this person brought the version where it is: a form that was sent twice."""
    last = last_decision(session, version)
    return version.stage is stage and last is not None and (last.action, last.actor) == (action, person.name)


def _check_seen(session: Session, version: ModelVersion, seen: str) -> None:
    """Raise Stale, saying who decided meanwhile, if the version is not where the person saw it."""
    if version.stage.value == seen:
        return
    who = _who(last_decision(session, version))
    raise Stale(f"{name_of(version)} is {version.stage.value}, no longer {seen[:40] or 'where you saw it'}{who}",
                "look again before deciding")


def _who(last: AuditEntry | None) -> str:
    return "" if last is None else f": {last.actor} decided at {last.at:%Y-%m-%d %H:%M} UTC, {last.reason!r}"
