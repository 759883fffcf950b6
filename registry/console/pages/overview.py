"""The overview: every task at a glance, what waits for a person first."""

from starlette.responses import Response

from registry.console.health import SORTS, tasks_health, traffic
from registry.console.paging import paged
from registry.console.visits import Visit

PER_PAGE = 25


def show(visit: Visit) -> Response:
    """List the tasks, searched and sorted."""
    words, sort = visit.asked("q"), visit.asked("sort", "waiting")
    tasks = sorted(tasks_health(visit.session, visit.now, words), key=SORTS.get(sort, SORTS["waiting"]))
    rows, paging = paged(tasks, visit.number("page"), PER_PAGE)
    return visit.show("overview.html", tasks=rows, paging=paging, words=words, sorts=list(SORTS), sort=sort,
                      traffic=traffic(visit.session, visit.now), n_waiting=sum(task.n_waiting for task in tasks),
                      n_alarms=sum(bool(task.is_alarm) for task in tasks))
