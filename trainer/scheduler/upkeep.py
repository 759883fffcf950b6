"""Keeps the bank in order beside the ticks: compacts it, lets old days go, deletes what no version needs."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Event

from sqlalchemy.exc import OperationalError

from ingest.bank.retention import keep_days
from registry.database import write
from registry.errors import HyperMatchError
from registry.leases import take_turn
from trainer.drift.stretches import forget_all
from trainer.errors import Interrupted
from trainer.workplace import Workplace

log = logging.getLogger("hypermatch.trainer")
RETAIN_EVERY, VACUUM_EVERY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Duty:
    """What is done to the bank every so often, by one trainer of many; `act` says what came of it."""

    name: str
    every: timedelta
    act: Callable[[], str]


def duties(workplace: Workplace, stop: Event, *, compact_hours: float, retain_days: int,
           vacuum_hours: int) -> list[Duty]:
    """Return what the settings ask for, in the order in which it is done; 0 asks for nothing."""
    found = []
    if compact_hours:
        found.append(Duty("compact", timedelta(hours=compact_hours), lambda: compact(workplace, stop)))
    if retain_days:
        found.append(Duty("retain", RETAIN_EVERY, lambda: retain(workplace, retain_days)))
    if vacuum_hours:
        found.append(Duty("vacuum", VACUUM_EVERY, lambda: vacuum(workplace, vacuum_hours)))
    return found


def tend(workplace: Workplace, duties: Sequence[Duty]) -> None:
    """Do what is due; what fails is logged, leaves nothing half done, and comes again when it is due the next time."""
    for duty in duties:
        try:
            with write(workplace.engine) as session:
                is_ours = take_turn(session, f"bank:{duty.name}", workplace.worker, every=duty.every,
                                    now=workplace.now())
            if is_ours:
                log.info("bank: %s: %s", duty.name, duty.act())
        except Interrupted:
            return
        except (HyperMatchError, OperationalError) as error:
            log.warning("bank: %s failed: %s", duty.name, error)
        except Exception:                             # a defect in upkeep; the ticks live on
            log.exception("bank: %s failed", duty.name)


def compact(workplace: Workplace, stop: Event) -> str:
    """Compact day by day; a trainer that is told to stop leaves the other days to the next time."""
    def report(day: date, _number: int, _n_days: int) -> None:
        if stop.is_set():
            raise Interrupted(f"interrupted before {day}")

    return str(workplace.bank.compact(report))


def retain(workplace: Workplace, days: int) -> str:
    done = keep_days(workplace.bank, workplace.engine, days, actor="trainer",
                     reason=f"HYPERMATCH_TRAINER_RETAIN_DAYS={days}", now=workplace.now())
    if done.n_rows:
        forget_all(workplace.cache)                   # samples of the bank, which hold texts
    return str(done)


def vacuum(workplace: Workplace, hours: int) -> str:
    return f"{workplace.bank.vacuum(timedelta(hours=hours))} files deleted"
