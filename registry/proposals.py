"""Proposed classes: found in the bank, waiting for a person."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from registry import audit
from registry.tables import ClassProposal, ProposalState
from registry.tasks import get_task


def record_proposals(session: Session, task: str, proposals: Iterable[ClassProposal], *, actor: str,
                     now: datetime) -> list[ClassProposal]:
    """Replace what is still proposed for the task; what a person decided on stays."""
    get_task(session, task)
    for old in list_proposals(session, task, ProposalState.PROPOSED):
        session.delete(old)
    kept = list(proposals)
    session.add_all(kept)
    session.flush()
    audit.record(session, action="class:proposed", subject=task, actor=actor, now=now,
                 reason=f"{len(kept)} classes proposed", details={"names": [proposal.name for proposal in kept]})
    return kept


def list_proposals(session: Session, task: str, state: ProposalState | None = None) -> list[ClassProposal]:
    """Return the proposals of a task, the largest first."""
    query = select(ClassProposal).where(ClassProposal.task == task).order_by(
        col(ClassProposal.n_texts).desc(), col(ClassProposal.id))
    return list(session.exec(query if state is None else query.where(ClassProposal.state == state)))
