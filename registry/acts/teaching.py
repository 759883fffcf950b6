"""Teaching: labels, the review queue, proposed classes."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from registry import class_decisions, label_edits, labels, prompt_trials, reviews
from registry.accounts.roles import Person, Role, needs
from registry.class_decisions import Corrections
from registry.proposals import get_proposal
from registry.tables import ClassProposal, LabeledText, Part, ProposalState, ReviewItem


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


@needs(Role.LABELER)
def begin_try(session: Session, person: Person, name: str, version: int | None, task: str, text: str, *,
              now: datetime) -> int:
    """Let this person try a prompt on a text; returns its version. What the model says comes after the transaction."""
    return prompt_trials.begin_try(session, name, version, task, text, actor=person.name, now=now)


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


def _decided(session: Session, person: Person, number: int, state: ProposalState) -> ClassProposal | None:
    """Return the proposal if this person decided so already: a form that was sent twice."""
    proposal = get_proposal(session, number)
    return proposal if (proposal.state, proposal.decided_by) == (state, person.name) else None
