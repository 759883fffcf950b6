"""What people may do: each act asks for a role, says so if it was done already, and calls the rule it is about."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from registry import audit, class_decisions, label_edits, labels, reviews
from registry.accounts import people
from registry.accounts.roles import Person, Role, needs
from registry.class_decisions import Corrections
from registry.errors import Stale
from registry.lifecycle import promotion, runs
from registry.lifecycle.stages import name_of
from registry.lifecycle.versions import get_version
from registry.proposals import get_proposal
from registry.tables import (
    AuditEntry,
    ClassProposal,
    LabeledText,
    ModelVersion,
    Part,
    ProposalState,
    ReviewItem,
    Run,
    Stage,
)
from registry.webhooks import hooks
from registry.webhooks.tables import Webhook


@needs(Role.APPROVER)
def approve(session: Session, person: Person, task: str, number: int, *, digest: str, seen: str, reason: str,
            now: datetime, is_four_eyes: bool = False) -> ModelVersion:
    """Approve the bytes that the person saw; doing it twice is doing it once."""
    version = get_version(session, task, number)
    if _is_done(session, version, Stage.APPROVED, person, "model:approved"):
        return version
    _check_seen(session, version, seen)
    return promotion.approve(session, task, number, actor=person.name, reason=reason, now=now, digest=digest,
                             is_four_eyes=is_four_eyes)


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
def request_run(session: Session, person: Person, task: str, *, reason: str, now: datetime) -> Run:
    """Ask for a run; asking again while one waits returns the one that waits."""
    return runs.request_run(session, task, actor=person.name, reason=reason, now=now)


@needs(Role.LABELER)
def change_label(session: Session, person: Person, task: str, text_id: int, label: str, *, was: str, reason: str,
                 now: datetime) -> LabeledText:
    """Give a text another label."""
    return label_edits.change_label(session, task, text_id, label, was=was, actor=person.name, reason=reason, now=now)


@needs(Role.LABELER)
def remove_label(session: Session, person: Person, task: str, text_id: int, *, reason: str, now: datetime) -> None:
    """Remove a labeled text."""
    label_edits.remove_label(session, task, text_id, actor=person.name, reason=reason, now=now)


@needs(Role.LABELER)
def import_labels(session: Session, person: Person, task: str, rows: Iterable[tuple[str, str]], *, part: Part,
                  origin: str, now: datetime) -> labels.ImportResult:
    """Keep labeled texts, all or none."""
    return labels.import_labels(session, task, rows, part=part, actor=person.name, origin=origin, now=now)


@needs(Role.APPROVER)
def accept_class(session: Session, person: Person, proposal: int, *, name: str, corrections: Corrections, reason: str,
                 now: datetime) -> ClassProposal:
    """Make a proposal a class and ask for a run that learns it; doing it twice is doing it once."""
    if (done := _decided(session, person, proposal, ProposalState.ACCEPTED)) is not None:
        return done
    return class_decisions.accept(session, proposal, name=name, corrections=corrections, actor=person.name,
                                  reason=reason, now=now).proposal


@needs(Role.APPROVER)
def merge_class(session: Session, person: Person, proposal: int, *, label: str, corrections: Corrections, reason: str,
                now: datetime) -> ClassProposal:
    """Give a proposal's texts to a class that exists; doing it twice is doing it once."""
    if (done := _decided(session, person, proposal, ProposalState.MERGED)) is not None:
        return done
    return class_decisions.merge(session, proposal, label=label, corrections=corrections, actor=person.name,
                                 reason=reason, now=now).proposal


@needs(Role.APPROVER)
def split_class(session: Session, person: Person, proposal: int, *, reason: str, now: datetime) -> None:
    """Replace a proposal by its parts; doing it twice is doing it once."""
    if _decided(session, person, proposal, ProposalState.SPLIT) is None:
        class_decisions.split(session, proposal, actor=person.name, reason=reason, now=now)


@needs(Role.APPROVER)
def reject_class(session: Session, person: Person, proposal: int, *, reason: str, now: datetime) -> None:
    """Say that a proposal is no class; doing it twice is doing it once."""
    if _decided(session, person, proposal, ProposalState.REJECTED) is None:
        class_decisions.reject(session, proposal, actor=person.name, reason=reason, now=now)


@needs(Role.APPROVER)
def snooze_class(session: Session, person: Person, proposal: int, *, until: datetime, reason: str,
                 now: datetime) -> None:
    """Put a proposal away for a while."""
    class_decisions.snooze(session, proposal, until=until, actor=person.name, reason=reason, now=now)


@needs(Role.LABELER)
def claim_review(session: Session, person: Person, task: str, *, now: datetime) -> ReviewItem | None:
    """Give this person the next text of the review queue."""
    return reviews.claim_next(session, task, actor=person.name, now=now)


@needs(Role.LABELER)
def answer_review(session: Session, person: Person, item: int, label: str, *, is_new_class: bool,
                  now: datetime) -> ReviewItem:
    """Label a text of the review queue."""
    return reviews.answer(session, item, label, actor=person.name, now=now, is_new_class=is_new_class)


@needs(Role.LABELER)
def skip_review(session: Session, person: Person, item: int, *, now: datetime) -> ReviewItem:
    """Leave a text of the review queue to others."""
    return reviews.skip(session, item, actor=person.name, now=now)


@needs(Role.LABELER)
def undo_review(session: Session, person: Person, task: str, *, now: datetime) -> ReviewItem:
    """Take this person's last answer back."""
    return reviews.undo(session, task, actor=person.name, now=now)


@needs(Role.ADMIN)
def add_person(session: Session, person: Person, name: str, role: Role, *, now: datetime) -> str:
    """Add an account and return the token of the link that sets its password."""
    people.add_account(session, name, role, actor=person.name, now=now)
    return people.invite(session, name, now=now)


@needs(Role.ADMIN)
def invite_person(session: Session, person: Person, name: str, *, now: datetime) -> str:
    """Return the token of a new link that sets the password of an account."""
    audit.record(session, action="account:invited", subject=name, actor=person.name, now=now)
    return people.invite(session, name, now=now)


@needs(Role.ADMIN)
def change_role(session: Session, person: Person, name: str, role: Role, *, now: datetime) -> None:
    """Give an account another role."""
    people.change_role(session, name, role, actor=person.name, now=now)


@needs(Role.ADMIN)
def remove_person(session: Session, person: Person, name: str, *, now: datetime) -> None:
    """Remove an account."""
    people.remove_account(session, name, actor=person.name, now=now)


@needs(Role.ADMIN)
def add_webhook(session: Session, person: Person, name: str, url: str, *, events: Collection[str], is_slack: bool,
                hosts: Collection[str], now: datetime) -> Webhook:
    """Tell an address of events from now on."""
    return hooks.add_webhook(session, name, url, events=events, is_slack=is_slack, hosts=hosts, actor=person.name,
                             now=now)


@needs(Role.ADMIN)
def remove_webhook(session: Session, person: Person, name: str, *, now: datetime) -> None:
    """Remove a webhook."""
    hooks.remove_webhook(session, name, actor=person.name, now=now)


def last_decision(session: Session, version: ModelVersion) -> AuditEntry | None:
    """Return the entry of what was last decided on a version."""
    query = select(AuditEntry).where(AuditEntry.subject == name_of(version),
                                     AuditEntry.action != "model:swap_failed")
    return session.exec(query.order_by(col(AuditEntry.number).desc()).limit(1)).first()


def _is_done(session: Session, version: ModelVersion, stage: Stage, person: Person, action: str) -> bool:
    """Say whether this person brought the version where it is: a form that was sent twice."""
    last = last_decision(session, version)
    return version.stage is stage and last is not None and (last.action, last.actor) == (action, person.name)


def _decided(session: Session, person: Person, number: int, state: ProposalState) -> ClassProposal | None:
    """Return the proposal if this person decided so already: a form that was sent twice."""
    proposal = get_proposal(session, number)
    return proposal if (proposal.state, proposal.decided_by) == (state, person.name) else None


def _check_seen(session: Session, version: ModelVersion, seen: str) -> None:
    """Raise Stale, saying who decided meanwhile, if the version is not where the person saw it."""
    if version.stage.value == seen:
        return
    last = last_decision(session, version)
    who = "" if last is None else f": {last.actor} decided at {last.at:%Y-%m-%d %H:%M} UTC, {last.reason!r}"
    raise Stale(f"{name_of(version)} is {version.stage.value}, no longer {seen[:40] or 'where you saw it'}{who}",
                "look again before deciding")
