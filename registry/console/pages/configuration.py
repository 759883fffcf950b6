"""How this installation is set, for reading; what is secret stays hidden."""

from starlette.responses import Response

from registry.console.installation import processes, settings_of
from registry.console.visits import Visit


def show(visit: Visit) -> Response:
    """Show the settings of registry and console, and the processes that report."""
    return visit.show("configuration.html", processes=processes(visit.session, visit.now),
                      sections=settings_of(visit.console))
