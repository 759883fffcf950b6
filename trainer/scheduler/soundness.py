"""What the trainer watches for everybody: that each task has a champion, and that the audit chain is unbroken."""

import logging
from datetime import datetime, timedelta

from sqlmodel import Session, select

from registry import audit
from registry.errors import RegistryError
from registry.tables import ModelVersion, Stage
from registry.tasks import list_tasks
from trainer.metrics import Metrics

WHOLE_CHAIN_EVERY = timedelta(hours=6)                # in between only what is new is verified
log = logging.getLogger("hypermatch.trainer")


class Soundness:
    """Looks each tick, and remembers up to where the audit chain was found unbroken."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.verified = audit.BEGINNING
        self.begun_at: datetime | None = None
        self.is_broken = False

    def look(self, session: Session, now: datetime) -> None:
        with_champion = set(session.exec(select(ModelVersion.task).where(ModelVersion.stage == Stage.CHAMPION)))
        for task in list_tasks(session):
            self.metrics.has_champion.labels(task.name).set(task.name in with_champion)
        if self.begun_at is None or now - self.begun_at >= WHOLE_CHAIN_EVERY:
            self.verified, self.begun_at = audit.BEGINNING, now
        try:
            self.verified = audit.verify_since(session, self.verified)
        except RegistryError as error:
            if not self.is_broken:
                log.error("%s", error)
            self.is_broken, self.begun_at = True, None           # once mended, the whole chain counts
        else:
            self.is_broken = False
        self.metrics.audit_chain_is_broken.set(self.is_broken)
