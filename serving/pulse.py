"""Tells the registry that a worker lives and what it holds: on time whatever is being loaded, at once if it changed."""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from registry.database import database_time, write
from registry.errors import HyperMatchError
from registry.heartbeats import beat, stop_beating

NEWS = ("serves", "holds")


class Pulse:
    """The heartbeats of one worker, from a thread of its own, by the database's clock: a server's own may be off."""

    def __init__(self, engine: Engine, process: str, says: Callable[[], dict[str, Any]],
                 is_away: Callable[[HyperMatchError], None]) -> None:
        self.engine, self.process, self.says, self.is_away = engine, process, says, is_away
        self.interval_seconds = 0.0
        self.told: dict[str, Any] = {}
        self.stopped, self.lock = threading.Event(), threading.Lock()

    def start(self, interval_seconds: float) -> None:
        """Tell once now, then every `interval_seconds` until stopped."""
        self.interval_seconds = interval_seconds
        self.tell()
        threading.Thread(target=self._keep_telling, name="pulse", daemon=True).start()

    def tell_news(self) -> None:
        """Tell at once what is served and held, if that is not what was told last."""
        says = self.says()
        if any(says[name] != self.told.get(name) for name in NEWS):
            self.tell()

    def stop(self) -> None:
        """Say goodbye; nothing is told after it."""
        self.stopped.set()
        try:
            with self.lock, write(self.engine) as session:
                stop_beating(session, process=self.process, now=database_time(session))
        except HyperMatchError:
            return                                    # doctor will call it silent, which it is

    def _keep_telling(self) -> None:
        while not self.stopped.wait(self.interval_seconds):
            self.tell()

    def tell(self) -> None:
        try:
            with self.lock, write(self.engine) as session:
                if not self.stopped.is_set():
                    says = self.says()                # now that it is our turn: the other thread may have told newer
                    beat(session, process=self.process, kind="server", interval_seconds=self.interval_seconds,
                         says=says, now=database_time(session))
                    self.told = says
        except HyperMatchError as error:
            self.is_away(error)
