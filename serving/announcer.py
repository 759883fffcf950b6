"""Tells clients on Kafka that a task answers with other labels: each promoted change, by one server of all."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from registry import audit
from registry.database import read, write
from registry.events import LabelSpaceChanged
from registry.leases import acquire
from registry.tables import AuditEntry

CHANGED, ANNOUNCED = "label_space:changed", "label_space:announced"
LEASE, LEASE_LASTS = "label-space-announcer", timedelta(minutes=1)
Send = Callable[[LabelSpaceChanged], None]            # returns once a broker has it, raises if none has
log = logging.getLogger("hypermatch.serving")


@dataclass
class Announcer:
    """The audit log is the outbox: what was changed and not announced yet is sent, then said to be announced.

    A crash between the two sends an event again, with the same id.
    """

    engine: Engine
    holder: str
    send: Send
    now: Callable[[], datetime]
    told_until: int = 0                               # the number of the newest change known to be announced
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, pause_seconds: float) -> None:
        """Look every so often until stopped; what fails is logged once and tried again."""
        last = ""
        while not self.stop.wait(pause_seconds):
            try:
                self.work()
                last = ""
            except Exception as error:                # the registry or the brokers are away for a while
                if str(error) != last:
                    log.warning("changed label spaces wait to be announced: %s", error)
                last = str(error)

    def work(self) -> int:
        """Announce what waits, oldest first, and return how many changes that were."""
        with read(self.engine) as session:
            if _newest_change(session) <= self.told_until:
                return 0
        with write(self.engine) as session:
            if acquire(session, LEASE, self.holder, duration=LEASE_LASTS, now=self.now()) is None:
                return 0
            self.told_until = max(self.told_until, announced_until(session))
            waiting = list(session.exec(select(AuditEntry).where(
                AuditEntry.action == CHANGED, AuditEntry.number > self.told_until).order_by(col(AuditEntry.number))))
        for entry in waiting:
            self.send(event_of(entry))
            with write(self.engine) as session:
                audit.record(session, action=ANNOUNCED, subject=entry.subject, actor=self.holder, now=self.now(),
                             details={"entry": entry.number})
            self.told_until = entry.number
        return len(waiting)


def event_of(entry: AuditEntry) -> LabelSpaceChanged:
    """Return the event of a change, whose id is the same however often it is sent."""
    task, _, number = entry.subject.rpartition(" v")
    return LabelSpaceChanged(id=f"label-space-{entry.number}", task=task, model_version=int(number), at=entry.at,
                             label_space=entry.details["after"], before=entry.details["before"],
                             added=entry.details["added"], removed=entry.details["removed"])


def announced_until(session: Session) -> int:
    """Return the number of the newest change that was announced, 0 if none was."""
    found = audit.newest(session, AuditEntry.action == ANNOUNCED)
    return 0 if found is None else int(found.details["entry"])


def _newest_change(session: Session) -> int:
    return session.exec(select(func.max(AuditEntry.number)).where(AuditEntry.action == CHANGED)).one() or 0
