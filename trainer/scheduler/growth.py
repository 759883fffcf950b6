"""Counts the bank by task and day for the pages, now and then: they may not open the bank themselves."""

import logging
import time

from registry.database import write
from registry.errors import HyperMatchError
from registry.watching.bank_days import keep_bank_days
from trainer.workplace import Workplace

log = logging.getLogger("hypermatch.trainer")
EVERY_SECONDS = 60.0                                  # at most; two columns of the whole bank are read


class Growth:
    """Remembers what was counted last, so that an idle bank is not read again."""

    def __init__(self) -> None:
        self.counted: int | None = None               # the bank version
        self.counted_at = float("-inf")

    def look(self, workplace: Workplace) -> None:
        """Count if the bank has changed and the last count is old enough."""
        version = workplace.bank.version
        if version is None or version == self.counted or time.monotonic() - self.counted_at < EVERY_SECONDS:
            return
        self.counted, self.counted_at = version, time.monotonic()
        try:
            counted = workplace.bank.days()
            with write(workplace.engine) as session:
                keep_bank_days(session, counted)
        except HyperMatchError as error:              # the registry or the bank is away
            self.counted = None
            log.warning("the bank cannot be counted: %s", error)
        except Exception:                             # pages only show it
            self.counted = None
            log.exception("the bank cannot be counted")
