"""A person's decisions on a version (approve, ask for changes, reject, promote, roll back) and what to serve."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, select

from registry import audit
from registry.errors import IllegalMove, Refused, Stale
from registry.lifecycle.aliases import alias_of, generation_of, point_alias
from registry.lifecycle.compatibility import change_from, spaces_of
from registry.lifecycle.flips import give_up_flip
from registry.lifecycle.stages import check_move, check_person, move, name_of
from registry.lifecycle.trials import end_trials_of
from registry.lifecycle.versions import champion_of, get_version
from registry.signing import Signer
from registry.tables import Alias, AliasName, AuditEntry, ModelVersion, Stage

ASKED_AGAIN = "model:approval_requested"


@dataclass(frozen=True)
class Wanted:
    """What every server should serve for a task."""

    task: str
    version_number: int
    digest: str
    label_space: int
    labels: list[str]
    generation: int
    earlier_labels: Mapping[int, list[str]] = field(default_factory=dict)      # of label spaces that clients may pin
    alias: AliasName = AliasName.CHAMPION
    share: float = 1.0                                # of the requests, for a canary
    from_at: datetime | None = None                   # by the database's clock; None: as soon as it is loaded


def approve(session: Session, task: str, number: int, *, actor: str, reason: str, now: datetime,
            digest: str | None = None, is_four_eyes: bool = False, signer: Signer | None = None) -> ModelVersion:
    """Approve the very bytes of a version, and sign them; with `digest`, only if they are still those the approver saw.
    """
    version = get_version(session, task, number)
    check_person(actor, reason)
    check_move(version, Stage.APPROVED)
    if digest is not None and digest != version.digest:
        raise Stale(f"{name_of(version)} has digest {version.digest[:12]}, not {digest[:12]}", "look at it again")
    if is_four_eyes and actor in requesters_of(session, version):
        raise Refused(f"{actor} asked for {name_of(version)} and may not approve it", "ask somebody else to")
    version.approved_digest, version.approved_by = version.digest, actor
    if signer is not None:
        signer.sign(session, version.digest, actor=actor, now=now)
    move(session, version, Stage.APPROVED, actor=actor, reason=reason, now=now,
         details=None if signer is None else {"signed_with": signer.fingerprint})
    return version


def sign(session: Session, task: str, number: int, signer: Signer, *, actor: str, now: datetime) -> ModelVersion:
    """Vouch once more, with another key or later, for a version whose very bytes were approved."""
    version = get_version(session, task, number)
    if version.stage is Stage.REJECTED or version.approved_digest != version.digest:
        raise Refused(f"{name_of(version)} is {version.stage.value}: only what was approved is signed", "approve it")
    signer.sign(session, version.digest, actor=actor, now=now)
    audit.record(session, action="model:signed", subject=name_of(version), actor=actor, now=now,
                 details={"digest": version.digest, "signed_with": signer.fingerprint})
    return version


def request_changes(session: Session, task: str, number: int, *, actor: str, reason: str,
                    now: datetime) -> ModelVersion:
    """Say what has to change before a version is approved; nobody approves it before `request_approval`."""
    version = get_version(session, task, number)
    check_person(actor, reason)
    move(session, version, Stage.CHANGES_REQUESTED, actor=actor, reason=reason, now=now)
    return version


def request_approval(session: Session, task: str, number: int, *, actor: str, reason: str,
                     now: datetime) -> ModelVersion:
    """Ask for the approval of a version again, saying what was done about the changes; its bytes are the same."""
    version = get_version(session, task, number)
    check_person(actor, reason)
    if version.stage is not Stage.CHANGES_REQUESTED:
        raise IllegalMove(f"{name_of(version)} is {version.stage.value}", "only requested changes are answered so")
    move(session, version, Stage.AWAITING_APPROVAL, actor=actor, reason=reason, now=now, action=ASKED_AGAIN)
    return version


def requesters_of(session: Session, version: ModelVersion) -> set[str]:
    """Return who asked for the version and who asked for its approval again: with four eyes none of them approves."""
    query = select(AuditEntry.actor).where(AuditEntry.subject == name_of(version), AuditEntry.action == ASKED_AGAIN)
    return {version.requested_by, *session.exec(query)}


def reject(session: Session, task: str, number: int, *, actor: str, reason: str, now: datetime) -> ModelVersion:
    """Reject a version for good."""
    version = get_version(session, task, number)
    check_person(actor, reason)
    move(session, version, Stage.REJECTED, actor=actor, reason=reason, now=now)
    end_trials_of(session, version, actor=actor, reason="it was rejected", now=now)
    give_up_flip(session, task, number, actor=actor, reason="it was rejected", now=now)
    return version


def promote(session: Session, task: str, number: int, *, actor: str, reason: str, now: datetime,
            from_at: datetime | None = None) -> ModelVersion:
    """Make an approved version the champion and archive the one before; both moves are audited.

    Servers answer with it as soon as each has loaded it, or together from `from_at` on.
    """
    version = get_version(session, task, number)
    check_person(actor, reason)
    check_promotion(version)
    _replace_champion(session, version, actor=actor, reason=reason, now=now, action="model:promoted", from_at=from_at)
    return version


def roll_back(session: Session, task: str, number: int | None = None, *, actor: str, reason: str,
              now: datetime, from_at: datetime | None = None) -> ModelVersion:
    """Make a version that was champion before the champion again; `previous` if none is named."""
    check_person(actor, reason)
    version = get_version(session, task, number if number is not None else previous_number(session, task))
    check_roll_back(version)
    _replace_champion(session, version, actor=actor, reason=reason, now=now, action="model:rolled_back",
                      from_at=from_at)
    return version


def check_promotion(version: ModelVersion) -> None:
    """Raise unless a version may be promoted: it is approved, and the approval was for its very bytes."""
    if version.stage is Stage.ARCHIVED:
        raise IllegalMove(f"{name_of(version)} is archived",
                          f"`hypermatch models rollback {version.task} {version.number}` takes it back")
    check_move(version, Stage.CHAMPION)
    if version.approved_digest != version.digest:
        raise Stale(f"the approval of {name_of(version)} was for other bytes", "reject it and train again")


def check_roll_back(version: ModelVersion) -> None:
    """Raise IllegalMove unless a version was champion before and is archived now."""
    check_move(version, Stage.CHAMPION)
    if not version.was_champion:
        raise IllegalMove(f"{name_of(version)} never was champion", "only a version that was can be rolled back to")


def wanted(session: Session, names: Collection[AliasName] = (AliasName.CHAMPION,)) -> list[Wanted]:
    """Return the champion of every task that has one, or what other `names` point at."""
    query = (
        select(Alias, ModelVersion)
        .join(ModelVersion, (col(ModelVersion.task) == Alias.task)
              & (col(ModelVersion.number) == Alias.version_number))
        .where(col(Alias.name).in_(names))
        .order_by(col(Alias.task))
    )
    found = session.exec(query).all()
    spaces = spaces_of(session, {alias.task for alias, _ in found})
    return [_wanted(alias, version, spaces[alias.task]) for alias, version in found]


def _wanted(alias: Alias, version: ModelVersion, spaces: Mapping[int, list[str]]) -> Wanted:
    earlier = {number: labels for number, labels in spaces.items() if number < version.label_space}
    return Wanted(alias.task, version.number, version.digest, version.label_space, spaces[version.label_space],
                  alias.generation, earlier, alias.name, 1.0 if alias.share is None else alias.share, alias.from_at)


def _replace_champion(session: Session, version: ModelVersion, *, actor: str, reason: str, now: datetime,
                      action: str, from_at: datetime | None) -> None:
    generation = generation_of(session, version.task, AliasName.CHAMPION)
    incumbent = champion_of(session, version.task)
    if incumbent is not None:
        move(session, incumbent, Stage.ARCHIVED, actor=actor, reason=f"replaced by v{version.number}", now=now)
        point_alias(session, version.task, AliasName.PREVIOUS, incumbent.number, now=now,
                    generation=generation_of(session, version.task, AliasName.PREVIOUS))
    change = change_from(session, incumbent, version)
    details = {"replaces": incumbent.number if incumbent is not None else None}
    move(session, version, Stage.CHAMPION, actor=actor, reason=reason, now=now, action=action, details=details)
    if change is not None:
        audit.record(session, action="label_space:changed", subject=name_of(version), actor=actor, reason=reason,
                     now=now, details=change.to_dict())
    version.was_champion = True
    end_trials_of(session, version, actor=actor, reason="it is the champion now", now=now)
    give_up_flip(session, version.task, actor=actor, reason=f"v{version.number} is the champion now", now=now)
    point_alias(session, version.task, AliasName.CHAMPION, version.number, generation=generation, now=now,
                from_at=from_at)


def previous_number(session: Session, task: str) -> int:
    """Return the number of the champion before; raises IllegalMove if there was none."""
    alias = alias_of(session, task, AliasName.PREVIOUS)
    if alias is None:
        raise IllegalMove(f"{task} has no version to roll back to", "its first champion has no predecessor")
    return alias.version_number

