"""Runs: what is in progress, live; why each was decided; what became of it, refused candidates too."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
from sqlmodel import col, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from registry.console.console import Console
from registry.console.doors import to_sign_in
from registry.console.paging import Paging
from registry.console.rendering import shown
from registry.console.visits import Visit, enter
from registry.database import read
from registry.drift import check_behind
from registry.heartbeats import live
from registry.lifecycle.runs import get_run
from registry.tables import Run, RunState, Task
from registry.watching.run_lines import lines_of

PER_PAGE = 30
EVENT_SECONDS = 1.0
LONGEST_STREAM_SECONDS = 600                          # a browser asks again by itself
OPEN = (RunState.REQUESTED, RunState.RUNNING)


def show(visit: Visit) -> Response:
    """List the runs, the newest first, with what the trainers decided a moment ago."""
    task, state = visit.asked("task"), visit.asked("state")
    query = select(Run)
    if task:
        query = query.where(Run.task == task)
    if state in list(RunState):
        query = query.where(Run.state == RunState(state))
    page = visit.number("page", most=10_000)
    rows = list(visit.session.exec(query.order_by(col(Run.id).desc()).offset((page - 1) * PER_PAGE)
                                   .limit(PER_PAGE + 1)))
    paging = Paging(page, PER_PAGE, (page - 1) * PER_PAGE + len(rows))
    trainers = [(beat.process, beat.says) for beat in live(visit.session, visit.now, "trainer")]
    return visit.show("runs.html", runs=rows[:PER_PAGE], paging=paging, task=task, state=state, trainers=trainers,
                      states=list(RunState), chosen=visit.session.get(Task, task) if task else None)


def show_run(visit: Visit) -> Response:
    """Show one run: what it rests on, how far it is, what it logs, what came of it."""
    run = get_run(visit.session, visit.request.path_params["run"])
    facts = sorted((name, value) for name, value in run.facts.items() if name != "costs")
    return visit.show("run.html", run=run, facts=facts, costs=run.facts.get("costs"),
                      lines=lines_of(visit.session, run.id or 0), cause=check_behind(visit.session, run.id or 0))


async def events(request: Request) -> Response:
    """Tell how far a run is, once a second as long as anything changes, until it ends.

    With `after` it also tells the lines that were logged behind the one of that number.
    """
    console: Console = request.app.state.console
    given = request.query_params.get("after", "")
    after = int(given) if given.isdecimal() and len(given) < 10 else None
    if not await run_in_threadpool(_may_see, console, request):
        return to_sign_in(request)
    return StreamingResponse(_told(console, request.path_params["run"], after), media_type="text/event-stream",
                             headers={"X-Accel-Buffering": "no"})


async def _told(console: Console, run_id: int, after: int | None) -> AsyncIterator[str]:
    last, waited = "", 0.0
    while waited < LONGEST_STREAM_SECONDS:
        state, after = await run_in_threadpool(_state, console, run_id, after)
        told = json.dumps(state)
        if told != last:
            yield f"data: {told}\n\n"
            last = told
        if state["is_over"]:
            return
        await anyio.sleep(EVENT_SECONDS)
        waited += EVENT_SECONDS


def _state(console: Console, run_id: int, after: int | None) -> tuple[dict[str, Any], int | None]:
    """Return what is told now, and the number of the last line that is."""
    with read(console.engine) as session:
        run = get_run(session, run_id)
        lines = [] if after is None else lines_of(session, run_id, after)
    told: dict[str, Any] = {"state": run.state.value, "step": run.step, "progress": round(run.progress, 4),
                            "is_over": run.state not in OPEN}
    if lines:
        told["lines"] = [{"at": f"{line.at:%H:%M:%S}", "level": line.level, "says": shown(line.says)}
                         for line in lines]
    return told, (lines[-1].id if lines else after)


def _may_see(console: Console, request: Request) -> bool:
    with read(console.engine) as session:
        get_run(session, request.path_params["run"])
        return enter(console, request, session).person is not None
