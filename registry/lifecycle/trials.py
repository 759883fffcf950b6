"""Trials beside the champion: a challenger sees every text unheard, a canary answers a share of the requests."""

from datetime import datetime

from sqlmodel import Session, col, select

from registry import audit
from registry.errors import IllegalMove, NotFound, Refused
from registry.lifecycle.aliases import alias_of, drop_alias, generation_of, point_alias
from registry.lifecycle.stages import check_person, name_of
from registry.lifecycle.versions import champion_of, get_version
from registry.tables import Alias, AliasName, ModelVersion, Stage

# What may stand in a trial. Nobody hears a challenger, so it may help to decide on its own approval.
TRIALS: dict[AliasName, frozenset[Stage]] = {
    AliasName.CHALLENGER: frozenset({Stage.AWAITING_APPROVAL, Stage.CHANGES_REQUESTED, Stage.APPROVED,
                                      Stage.ARCHIVED}),
    AliasName.CANARY: frozenset({Stage.APPROVED, Stage.ARCHIVED}),
}


def start_trial(session: Session, task: str, number: int, name: AliasName, *, share: float | None = None, actor: str,
                reason: str, now: datetime) -> ModelVersion:
    """Make a version the challenger or the canary of its task, instead of the one before; audited.

    A canary needs a share between 0 and 1, and the approval of its very bytes.
    """
    version = get_version(session, task, number)
    check_person(actor, reason)
    _check_stage(version, name)
    _check_share(name, share)
    if champion_of(session, task) is None:
        raise IllegalMove(f"{task} has no champion to try {name_of(version)} beside", "promote one first")
    before = alias_of(session, task, name)
    if before is not None and (before.version_number, before.share) == (number, share):
        raise IllegalMove(f"{name_of(version)} is the {name.value} already", "nothing changed")
    details = {"alias": name.value, "share": share, "digest": version.digest,
               "replaces": None if before is None else before.version_number}
    point_alias(session, task, name, number, generation=generation_of(session, task, name), share=share, now=now)
    audit.record(session, action="model:trial_started", subject=name_of(version), actor=actor, reason=reason, now=now,
                 details=details)
    return version


def end_trial(session: Session, task: str, name: AliasName, *, actor: str, reason: str, now: datetime) -> int:
    """End a trial and return the number of the version that stood in it; audited."""
    check_person(actor, reason)
    _check_name(name)
    alias = alias_of(session, task, name)
    if alias is None:
        raise NotFound(f"{task} has no {name.value}", "nothing is on trial under that name")
    _end(session, alias, actor=actor, reason=reason, now=now)
    return alias.version_number


def end_trials_of(session: Session, version: ModelVersion, *, actor: str, reason: str, now: datetime) -> None:
    """End whatever trial a version stands in, because it was decided on."""
    query = select(Alias).where(Alias.task == version.task, Alias.version_number == version.number,
                                col(Alias.name).in_(TRIALS))
    for alias in session.exec(query).all():
        _end(session, alias, actor=actor, reason=reason, now=now)


def _end(session: Session, alias: Alias, *, actor: str, reason: str, now: datetime) -> None:
    drop_alias(session, alias)
    audit.record(session, action="model:trial_ended", subject=f"{alias.task} v{alias.version_number}", actor=actor,
                 reason=reason, now=now, details={"alias": alias.name.value, "share": alias.share})


def _check_stage(version: ModelVersion, name: AliasName) -> None:
    _check_name(name)
    if version.stage not in TRIALS[name]:
        allowed = " or ".join(sorted(stage.value for stage in TRIALS[name]))
        raise IllegalMove(f"{name_of(version)} is {version.stage.value} and cannot be the {name.value}",
                          f"a {name.value} is {allowed}")
    if name is AliasName.CANARY and version.approved_digest != version.digest:
        raise IllegalMove(f"the approval of {name_of(version)} was for other bytes", "reject it and train again")


def _check_share(name: AliasName, share: float | None) -> None:
    if name is AliasName.CANARY and not (share is not None and 0 < share < 1):
        raise Refused("a canary answers a share of the requests between 0 and 1", "give --share, such as 0.1")
    if name is not AliasName.CANARY and share is not None:
        raise Refused(f"a {name.value} has no share of the answers", "only a canary has: leave --share out")


def _check_name(name: AliasName) -> None:
    if name not in TRIALS:
        raise Refused(f"{name.value} is no trial", f"trials are {' and '.join(each.value for each in TRIALS)}")
