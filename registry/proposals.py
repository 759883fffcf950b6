"""Proposed classes: found in the bank, remembered from one discovery to the next, moved by one table of legal moves."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from registry import audit
from registry.errors import IllegalMove, NotFound
from registry.proposal_memory import most_alike
from registry.tables import ClassProposal, ProposalState
from registry.tasks import get_task

_DECIDED = frozenset({ProposalState.ACCEPTED, ProposalState.MERGED, ProposalState.SPLIT, ProposalState.REJECTED})
MOVES: dict[ProposalState, frozenset[ProposalState]] = {
    ProposalState.PROPOSED: _DECIDED | {ProposalState.SNOOZED},
    ProposalState.SNOOZED: _DECIDED | {ProposalState.PROPOSED, ProposalState.SNOOZED},
    ProposalState.ACCEPTED: frozenset(),
    ProposalState.MERGED: frozenset(),
    ProposalState.SPLIT: frozenset(),
    ProposalState.REJECTED: frozenset(),
}
ACTIONS = {
    ProposalState.PROPOSED: "class:woken",
    ProposalState.ACCEPTED: "class:named",
    ProposalState.MERGED: "class:merged",
    ProposalState.SPLIT: "class:split",
    ProposalState.REJECTED: "class:rejected",
    ProposalState.SNOOZED: "class:snoozed",
}
TEXTS = ("exemplars", "boundary", "parts", "places", "terms")               # findings that hold words of texts
FOUND = ("name", "n_texts", "near_label", "cohesion", "stability", "findings", "bank_version", "version_number")


def record_proposals(session: Session, task: str, proposals: Iterable[ClassProposal], *, actor: str,
                     now: datetime) -> list[ClassProposal]:
    """Keep what a discovery found and return what is open now.

    What is found again keeps its number. What a person accepted, merged, split or rejected
    does not come back; what was snoozed comes back once its time has passed. What is not
    found any more goes, unless a person made it by splitting.
    """
    get_task(session, task)
    known, found = _locked(session, task), set()
    for draft in proposals:
        old = most_alike(draft, known)
        if old is None:
            session.add(draft)
            session.flush()
            found.add(draft.id)
        elif not _is_decided(old):
            _refresh(session, old, draft, now)
            found.add(old.id)
    for old in known:
        if old.state is ProposalState.PROPOSED and old.parent_id is None and old.id not in found:
            session.delete(old)
    session.flush()
    kept = list_proposals(session, task, ProposalState.PROPOSED)
    audit.record(session, action="class:proposed", subject=task, actor=actor, now=now,
                 reason=f"{len(kept)} classes proposed", details={"names": [proposal.name for proposal in kept]})
    return kept


def forget_texts(session: Session, bank_version: int) -> int:
    """Drop the texts of all proposals made from `bank_version` on, since it may hold erased ones; return how many.

    What waits is removed, the next discovery finds it anew; what was decided is remembered
    by hashes and place alone.
    """
    query = select(ClassProposal).where(col(ClassProposal.bank_version) >= bank_version)
    proposals = session.exec(query.with_for_update()).all()
    for proposal in proposals:
        if proposal.state is ProposalState.PROPOSED:
            session.delete(proposal)
        else:
            proposal.findings = {key: value for key, value in proposal.findings.items() if key not in TEXTS}
    return len(proposals)


def get_proposal(session: Session, number: int) -> ClassProposal:
    """Return a proposal, locked for a decision; raises NotFound."""
    query = select(ClassProposal).where(ClassProposal.id == number)
    found = session.exec(query.with_for_update()).first()
    if found is None:
        raise NotFound(f"there is no proposal {number}",
                       "it may not have been found again; `hypermatch discover list` shows those there are")
    return found


def list_proposals(session: Session, task: str, state: ProposalState | None = None) -> list[ClassProposal]:
    """Return the proposals of a task, the largest first."""
    query = select(ClassProposal).where(ClassProposal.task == task).order_by(
        col(ClassProposal.n_texts).desc(), col(ClassProposal.id))
    return list(session.exec(query if state is None else query.where(ClassProposal.state == state)))


def check_move(proposal: ClassProposal, to: ProposalState) -> None:
    """Raise IllegalMove, naming what was decided, unless `proposal` may move to `to`."""
    if to not in MOVES[proposal.state]:
        by = f" by {proposal.decided_by}" if proposal.decided_by else ""
        raise IllegalMove(f"proposal {proposal.id} is {proposal.state.value}{by} and cannot become {to.value}",
                          "that decision is final" if _is_decided(proposal) else "look at it again")


def move(session: Session, proposal: ClassProposal, to: ProposalState, *, actor: str, reason: str, now: datetime,
         details: dict[str, Any] | None = None) -> None:
    """Make a legal move together with its audit entry."""
    check_move(proposal, to)
    was, proposal.state = proposal.state, to
    proposal.decided_by, proposal.decided_at, proposal.decision_reason = actor, now, reason
    session.flush()
    audit.record(session, action=ACTIONS[to], subject=f"{proposal.task} proposal {proposal.id}", actor=actor,
                 reason=reason, now=now, details={"from": was.value, "name": proposal.name, **(details or {})})


def _locked(session: Session, task: str) -> Sequence[ClassProposal]:
    query = select(ClassProposal).where(ClassProposal.task == task).order_by(col(ClassProposal.id))
    return session.exec(query.with_for_update()).all()


def _is_decided(proposal: ClassProposal) -> bool:
    return not MOVES[proposal.state]


def _refresh(session: Session, old: ClassProposal, draft: ClassProposal, now: datetime) -> None:
    """Take over what was found now, and wake what has slept long enough."""
    for field in FOUND:
        setattr(old, field, getattr(draft, field))
    if old.state is ProposalState.SNOOZED and old.snoozed_until is not None and old.snoozed_until <= now:
        move(session, old, ProposalState.PROPOSED, actor="trainer", reason="the time it was snoozed for has passed",
             now=now)
