"""How this installation is set and which processes report, for pages and programs; what is secret stays hidden."""

from datetime import datetime
from typing import Any

from sqlalchemy.engine import make_url
from sqlmodel import Session, col, select

from registry.console.console import Console
from registry.heartbeats import is_silent
from registry.tables import Heartbeat

MAX_PROCESSES = 50


def settings_of(console: Console) -> list[tuple[str, dict[str, Any]]]:
    """Return the settings of registry and console by the prefix of their variables."""
    registry = console.registry.model_dump() | {
        "url": make_url(console.registry.url).render_as_string(hide_password=True)}
    found = [("HYPERMATCH_REGISTRY", registry), ("HYPERMATCH_CONSOLE", console.settings.model_dump())]
    if console.provider is not None:                  # its secret is told as stars
        found.append(("HYPERMATCH_CONSOLE_OIDC", console.provider.settings.model_dump()))
    return found


def processes(session: Session, now: datetime) -> list[tuple[Heartbeat, str]]:
    """Return the processes that reported last, each with live, silent or stopped."""
    beats = session.exec(select(Heartbeat).order_by(col(Heartbeat.seen_at).desc()).limit(MAX_PROCESSES))
    return [(beat, "stopped" if beat.stopped_at else "silent" if is_silent(beat, now) else "live") for beat in beats]
