"""How this installation is set, for reading; what is secret stays hidden."""

from sqlalchemy.engine import make_url
from sqlmodel import col, select
from starlette.responses import Response

from registry.console.visits import Visit
from registry.heartbeats import is_silent
from registry.tables import Heartbeat


def show(visit: Visit) -> Response:
    """Show the settings of registry and console, and the processes that report."""
    console = visit.console
    registry = console.registry.model_dump() | {
        "url": make_url(console.registry.url).render_as_string(hide_password=True)}
    beats = visit.session.exec(select(Heartbeat).order_by(col(Heartbeat.seen_at).desc()).limit(50))
    processes = [(beat, "stopped" if beat.stopped_at else "silent" if is_silent(beat, visit.now) else "live")
                 for beat in beats]
    sections = [("HYPERMATCH_REGISTRY", registry), ("HYPERMATCH_CONSOLE", console.settings.model_dump())]
    if console.provider is not None:                  # its secret is told as stars
        sections.append(("HYPERMATCH_CONSOLE_OIDC", console.provider.settings.model_dump()))
    return visit.show("configuration.html", processes=processes, sections=sections)
