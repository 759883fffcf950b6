"""Proposed classes as cards: what they are, how large, how they grow."""

from starlette.responses import Response

from registry.console.pages.task import task_of
from registry.console.visits import Visit
from registry.proposals import list_proposals
from registry.tables import ProposalState


def show(visit: Visit) -> Response:
    """Show the proposals of a task, the open ones first."""
    task = task_of(visit)
    proposals = list_proposals(visit.session, task.name)
    open_ones = [each for each in proposals if each.state in (ProposalState.PROPOSED, ProposalState.SNOOZED)]
    return visit.show("discovery.html", task=task, proposals=open_ones,
                      decided=[each for each in proposals if each not in open_ones])
