"""Erases a subject from the bank and from what was made of it; the audit names the models trained on the rows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from ingest.bank import DataBank
from registry.audit import record
from registry.database import write
from registry.forgetting import Reached, forget_everywhere
from registry.lifecycle.versions import versions_trained_since
from registry.watching.maps import forget_maps


@dataclass(frozen=True)
class Erasure:
    """What was erased in the bank and beyond it, and the model versions whose bank version may have held it.

    `texts` are for erasing what others made of them; they are kept nowhere.
    """

    n_rows: int
    model_versions: list[str]
    reached: Reached
    texts: frozenset[str]


def forget(bank: DataBank, engine: Engine, subject: str, *, actor: str, reason: str, now: datetime) -> Erasure:
    """Erase `subject` from the bank for good; raises before erasing if the registry cannot be written.

    Erasing and auditing are two systems: the intent is recorded first, the outcome
    afterwards, so that a crash between them shows.
    """
    name = f"subject:{subject}"
    with write(engine) as session:
        record(session, action="bank:forgetting", subject=name, actor=actor, reason=reason, now=now)
    done = bank.forget(subject)
    reached = Reached()
    with write(engine) as session:
        versions = [] if done.first_version is None else versions_trained_since(session, done.first_version)
        names = [f"{version.task} v{version.number}" for version in versions]
        if done.first_version is not None:
            forget_maps(session, done.first_version)
            reached = forget_everywhere(session, done.texts, done.first_version, actor=actor, reason=reason, now=now)
        record(session, action="bank:forgotten", subject=name, actor=actor, reason=reason, now=now, details={
            "n_rows": done.n_rows, "first_bank_version": done.first_version, "bank_version": done.version,
            "model_versions": names, "reached": reached.to_dict()})
    return Erasure(done.n_rows, names, reached, frozenset(done.texts))
