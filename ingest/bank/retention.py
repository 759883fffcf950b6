"""Lets go of days that a policy no longer keeps, and audits it."""

from datetime import datetime, timedelta

from sqlalchemy import Engine

from ingest.bank.bank import DataBank
from ingest.bank.upkeep import Retained
from registry.audit import record
from registry.database import write


def keep_days(bank: DataBank, engine: Engine, days: int, *, actor: str, reason: str, now: datetime) -> Retained:
    """Let go of the rows banked before the last so many days; audited if there were any."""
    done = bank.retain(now.date() - timedelta(days=days))
    if done.n_rows:
        with write(engine) as session:
            record(session, action="bank:retained", subject="bank", actor=actor, reason=reason, now=now,
                   details={"since": done.since.isoformat(), "n_rows": done.n_rows, "n_days": done.n_days})
    return done
