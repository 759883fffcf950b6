"""The first run: no account has a password nobody chose, so a link that works once makes the first administrator."""

from datetime import datetime

from sqlalchemy import Engine

from registry.accounts.people import invite, needs_first_admin
from registry.console.settings import ConsoleSettings
from registry.database import write


def first_link(engine: Engine, settings: ConsoleSettings, now: datetime) -> str | None:
    """Return a link that makes the first administrator, None if there is one; an earlier link ends."""
    with write(engine) as session:
        return f"{settings.address}/welcome/{invite(session, None, now=now)}" if needs_first_admin(session) else None


def introduction(engine: Engine, settings: ConsoleSettings, now: datetime) -> str:
    """Say where the console is, and how the first administrator gets in if there is none."""
    link = first_link(engine, settings, now)
    if link is None:
        return f"console at {settings.address}"
    return (f"console at {settings.address}; nobody can sign in yet: make the first administrator, "
            f"once, within 24 hours:\n  {link}")
