"""Counts the bank by task and day for the pages, now and then: they may not open the bank themselves."""

import logging
import time

from ingest.bank.tally import Tally
from registry.database import write
from registry.errors import HyperMatchError
from registry.watching.bank_days import keep_bank_days
from trainer.workplace import Workplace

log = logging.getLogger("hypermatch.trainer")
EVERY_SECONDS = 60.0                                  # at most; the rows of the registry are written anew


class Growth:
    """Remembers what was counted last, so that the count of an idle bank is not written again."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.counted: int | None = None               # the bank version
        self.counted_at = float("-inf")

    def look(self, workplace: Workplace) -> None:
        """Count if the bank has changed and the last count is old enough."""
        if time.monotonic() - self.counted_at < EVERY_SECONDS:
            return
        try:
            version = self.tally.version
            if version is None or version == self.counted:
                return
            self.counted, self.counted_at = version, time.monotonic()
            with write(workplace.engine) as session:
                keep_bank_days(session, self.tally.days())
        except HyperMatchError as error:              # the registry or the bank is away
            self.counted = None
            log.warning("the bank cannot be counted: %s", error)
        except Exception:                             # pages only show it
            self.counted = None
            log.exception("the bank cannot be counted")
