"""Proposed classes as cards: what they are, how they grow, and what a person makes of them."""

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from registry import acts
from registry.console.atlas import draw_atlas
from registry.console.pages.task import task_of
from registry.console.visits import Visit
from registry.errors import NotFound, Refused
from registry.proposals import get_proposal, list_proposals
from registry.tables import ClassProposal, ProposalState
from registry.tasks import label_space
from registry.text import text_hash
from registry.watching.discovery_requests import last_answer, requested_discovery
from registry.watching.maps import map_of

LONGEST_SNOOZE_DAYS, MAX_TERMS = 365, 12


def show(visit: Visit) -> Response:
    """Show the proposals of a task, those that wait for a person first."""
    task = task_of(visit)
    proposals = list_proposals(visit.session, task.name)
    waiting = [each for each in proposals if each.state in (ProposalState.PROPOSED, ProposalState.SNOOZED)]
    found = map_of(visit.session, task.name)
    atlas = draw_atlas(found.points, visit.t("discovery.map")) if found is not None and found.points else None
    return visit.show("discovery.html", task=task, map=found, atlas=atlas,
                      requested=requested_discovery(visit.session, task.name),
                      last=last_answer(visit.session, task.name),
                      cards=[_card(each) for each in waiting],
                      decided=[each for each in proposals if each not in waiting],
                      labels=label_space(visit.session, task.name).labels)


def request_now(visit: Visit) -> Response:
    """Ask the trainer to look for new classes."""
    task = task_of(visit)
    acts.request_discovery(visit.session, visit.actor, task.name, now=visit.now,
                           reason=visit.given("reason") or "asked for in the console")
    return visit.go(f"/tasks/{task.name}/discovery", "discovery_requested")


def decide(visit: Visit, act: str) -> Response:
    """Carry out one decision of a card."""
    task = task_of(visit)
    proposal = get_proposal(visit.session, visit.request.path_params["proposal"])
    if proposal.task != task.name:
        raise NotFound(f"{task.name} has no proposal {proposal.id}")
    _ACTS[act](visit, proposal)
    return visit.go(f"/tasks/{task.name}/discovery", f"class_{act}")


def _accept(visit: Visit, proposal: ClassProposal) -> None:
    name = visit.given("name")
    acts.accept_class(visit.session, visit.actor, proposal.id or 0, name=name,
                      corrections=_corrections(visit, proposal, name), reason=visit.given("reason"), now=visit.now)


def _merge(visit: Visit, proposal: ClassProposal) -> None:
    label = visit.given("label")
    if not label:
        raise Refused("no class was chosen to merge into", "choose one of the task's classes")
    acts.merge_class(visit.session, visit.actor, proposal.id or 0, label=label,
                     corrections=_corrections(visit, proposal, label), reason=visit.given("reason"), now=visit.now)


def _split(visit: Visit, proposal: ClassProposal) -> None:
    acts.split_class(visit.session, visit.actor, proposal.id or 0, reason=visit.given("reason"), now=visit.now)


def _reject(visit: Visit, proposal: ClassProposal) -> None:
    acts.reject_class(visit.session, visit.actor, proposal.id or 0, reason=visit.given("reason"), now=visit.now)


def _snooze(visit: Visit, proposal: ClassProposal) -> None:
    days = visit.given("days")
    if not days.isdecimal() or not 1 <= int(days[:5]) <= LONGEST_SNOOZE_DAYS:
        raise Refused(f"a proposal is put away for 1 to {LONGEST_SNOOZE_DAYS} days")
    acts.snooze_class(visit.session, visit.actor, proposal.id or 0, until=visit.now + timedelta(days=int(days)),
                      reason=visit.given("reason"), now=visit.now)


_ACTS = {"accept": _accept, "merge": _merge, "split": _split, "reject": _reject, "snooze": _snooze}
DECISIONS = tuple(_ACTS)


def _corrections(visit: Visit, proposal: ClassProposal, label: str) -> dict[str, str | None]:
    """Read the ticks of the card: exemplars that are not ticked are left out, ticked boundary texts are taken in."""
    ticked = {name.removeprefix("keep_") for name in visit.form if name.startswith("keep_")}
    exemplars, boundary = ([text_hash(text) for text in proposal.findings.get(kind, ())]
                           for kind in ("exemplars", "boundary"))
    return {key: None for key in exemplars if key not in ticked} | {key: label for key in boundary if key in ticked}


def _card(proposal: ClassProposal) -> dict[str, Any]:
    found = proposal.findings
    return {"proposal": proposal, "trend": [each["n_texts"] for each in found.get("trend") or ()],
            "n_parts": len(found.get("parts") or ()), "terms": (found.get("terms") or ())[:MAX_TERMS],
            "share_novel": found.get("share_novel"), "merge_with": found.get("merge_with") or (),
            "guesses": (found.get("guesses") or {}).items(),
            **{kind: [(text_hash(text), text) for text in found.get(kind) or ()] for kind in ("exemplars", "boundary")}}
