"""Runs: what is in progress, live; why each was decided; what became of it, refused candidates too."""

from typing import Any

from sqlmodel import col, select
from starlette.requests import Request
from starlette.responses import Response

from registry.console.console import Console
from registry.console.paging import Paging
from registry.console.rendering import shown
from registry.console.streams import Look, follow
from registry.console.visits import Visit
from registry.database import read
from registry.drift import check_behind
from registry.heartbeats import live
from registry.lifecycle.runs import get_run
from registry.tables import Run, RunState, Task
from registry.watching.run_lines import lines_of

PER_PAGE = 30
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
    """Tell how far a run is until it ends; with `after` also the lines logged behind the one of that number."""
    given = request.query_params.get("after", "")
    after = int(given) if given.isdecimal() and len(given) < 10 else None
    return await follow(request, _looking(request.app.state.console, request.path_params["run"], after))


def _looking(console: Console, run_id: int, after: int | None) -> Look:
    """Return what looks at a run, each time only at the lines that are new."""
    def look() -> dict[str, Any]:
        nonlocal after
        told, after = _state(console, run_id, after)
        return told

    return look


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
