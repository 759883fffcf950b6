"""Hears what is logged while a run works, for the run's page: a bounded record beside the trainer's own log."""

import logging
import threading
import time
from collections import deque
from datetime import UTC, datetime
from types import TracebackType

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from registry.database import write
from registry.errors import HyperMatchError
from registry.watching.run_lines import MAX_LINES, Line, keep_lines

log = logging.getLogger("hypermatch.trainer")
OURS = logging.getLogger("hypermatch")


class RunLog(logging.Handler):
    """Keeps what this thread logs from entry to exit; `flush_lines` writes it behind the run.

    A registry that is away costs lines, never the run: they are only told.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(logging.INFO)
        self.engine, self.run_id = engine, 0          # the run is claimed a moment later
        self._thread, self._held = threading.get_ident(), deque[Line](maxlen=MAX_LINES)
        self._step, self._began, self._level = "", 0.0, OURS.level

    def __enter__(self) -> "RunLog":
        self._level = OURS.level
        if not OURS.isEnabledFor(logging.INFO):       # a command that says little still leaves a full record
            OURS.setLevel(logging.INFO)
        OURS.addHandler(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        OURS.removeHandler(self)
        OURS.setLevel(self._level)
        self.flush_lines()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record of this thread; the first line of it, since a traceback belongs into the trainer's log."""
        if record.thread == self._thread:
            says = (record.getMessage().splitlines() or [""])[0]
            self._held.append(Line(datetime.fromtimestamp(record.created, UTC), record.levelname, says))

    def follow(self, step: str, done: float) -> None:
        """Log how long each step took once the next begins; what was held is written then, and when one is done."""
        if step == self._step:
            if done >= 1:
                self.flush_lines()
            return
        if self._step:
            log.info("%s took %.1f s", self._step, time.monotonic() - self._began)
        self._step, self._began = step, time.monotonic()
        self.flush_lines()

    def flush_lines(self) -> None:
        """Write what is held."""
        held = [self._held.popleft() for _ in range(len(self._held))]
        if not held or not self.run_id:
            return
        try:
            with write(self.engine) as session:
                keep_lines(session, self.run_id, held)
        except (HyperMatchError, OperationalError):
            return
