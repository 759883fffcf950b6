"""How the bank grows: texts per day of each task, counted by the trainer, because pages may not open the bank."""

from collections.abc import Iterable, Mapping
from datetime import date

from sqlmodel import Session, col, delete, select

from registry.tables import Task
from registry.watching.tables import BankDay

MAX_DAYS = 366                                        # the newest that are kept of each task


def keep_bank_days(session: Session, counted: Mapping[str, Mapping[date, int]]) -> None:
    """Replace what was counted before, so that erased rows are gone here too; unknown tasks are left out."""
    known = set(session.exec(select(Task.name)))
    session.exec(delete(BankDay))
    session.add_all(BankDay(task=task, day=day, n_texts=n) for task, days in counted.items() if task in known
                    for day, n in _newest(days.items()))
    session.flush()


def bank_days(session: Session, task: str) -> list[BankDay]:
    """Return the days that brought texts, oldest first."""
    return list(session.exec(select(BankDay).where(BankDay.task == task).order_by(col(BankDay.day))))


def _newest(days: Iterable[tuple[date, int]]) -> list[tuple[date, int]]:
    return sorted(days)[-MAX_DAYS:]
