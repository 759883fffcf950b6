"""Tells servers at once that an alias changed, where the registry is PostgreSQL; elsewhere they find out by asking."""

import threading
from contextlib import closing
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

CHANNEL = "hypermatch_aliases"
LOOK_SECONDS = 1.0                                    # how soon a listener notices that it should stop
RETRY_SECONDS = 5.0


def tell(session: Session) -> None:
    """Tell those who listen; they hear of it when the transaction commits, or never."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text(f"NOTIFY {CHANNEL}"))


def listen(engine: Engine, woken: threading.Event, stop: threading.Event) -> None:
    """Set `woken` after each change until `stop` is set; returns at once where nobody tells.

    A notice may be lost with its connection, so that every new connection counts as one.
    It only saves waiting: whoever listens must also ask.
    """
    if engine.dialect.name != "postgresql":
        return
    failures = (DBAPIError, engine.dialect.loaded_dbapi.Error)
    while not stop.is_set():
        try:
            with closing(_listening(engine)) as connection:
                woken.set()
                while not stop.is_set():
                    for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                        woken.set()
        except failures:                              # asking goes on, and says what is wrong
            stop.wait(RETRY_SECONDS)


def _listening(engine: Engine) -> Any:
    """Return a connection of psycopg that is nobody else's."""
    pooled = engine.raw_connection()
    connection: Any = pooled.driver_connection
    pooled.detach()
    connection.rollback()
    connection.autocommit = True
    connection.execute(f"LISTEN {CHANNEL}")
    return connection
