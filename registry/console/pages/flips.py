"""All servers together: a flip is asked for by the form of a version, followed on the page of its task, given up."""

from datetime import timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from registry import acts
from registry.console.console import Console
from registry.console.pages.task import task_of
from registry.console.rendering import shown, some
from registry.console.streams import follow
from registry.console.visits import Visit, enter
from registry.database import database_time, read
from registry.errors import Refused
from registry.lifecycle.flip_progress import flip_progress
from registry.lifecycle.flipping import PATIENCE, Act, Decision

TOGETHER = {"promote": acts.promote_together, "rollback": acts.roll_back_together}
USUAL_MINUTES, MINUTES = PATIENCE // timedelta(minutes=1), (1, 5, 15, 60, 240)           # that the form offers
MOST_MINUTES = 1_440


def ask(visit: Visit, act: str) -> Response:
    """Have all servers change to the version together; the page of the task says how that goes."""
    task, number = visit.request.path_params["task"], visit.request.path_params["number"]
    done = TOGETHER[act](visit.session, visit.actor, task, number, seen=visit.given("seen"),
                         reason=visit.given("reason"), now=database_time(visit.session), patience=_patience(visit))
    return visit.go(f"/tasks/{task}", _done(done))


def give_up(visit: Visit) -> Response:
    """Give up the flip while servers prepare it; what serves goes on."""
    task, number = visit.request.path_params["task"], visit.request.path_params["number"]
    acts.give_up_flip(visit.session, visit.actor, task, number, reason=visit.given("reason"),
                      now=database_time(visit.session))
    return visit.go(f"/tasks/{task}", "flip_given_up")


async def events(request: Request) -> Response:
    """Tell how far a flip is, until it is no longer in the state that the page shows."""
    return await follow(request, partial(_state, request.app.state.console, request))


def _state(console: Console, request: Request) -> dict[str, Any]:
    with read(console.engine) as session:
        visit = enter(console, request, session)
        found = flip_progress(session, task_of(visit).name, database_time(session))
    shown_now = visit.asked("state"), visit.number("number")
    if found is None or (found.state.value, found.version_number) != shown_now or not found.is_followed:
        return {"is_over": True}
    step = visit.t("flip.step", ready=len(found.ready), n=found.n_servers)
    return {"step": step, "progress": round(found.share_ready, 4), "is_over": False,
            "says": {"ready": shown(some(found.ready)), "awaited": shown(some(found.awaited))}}


def _patience(visit: Visit) -> timedelta:
    given = visit.given("minutes") or str(USUAL_MINUTES)
    if not given.isdecimal() or not 1 <= int(given[:5]) <= MOST_MINUTES:
        raise Refused(f"servers may take 1 to {MOST_MINUTES} minutes to prepare a version")
    return timedelta(minutes=int(given))


def _done(decision: Decision) -> str:
    """Return what the page says: what was asked for may have been done at once."""
    if decision.act is Act.COMMIT:
        return "flip_at_once" if decision.from_at is None else "flip_committed"
    return "flip_started" if decision.act is Act.WAIT else "flip_given_up"
