"""The names that point at a version of a task; each change is a compare-and-swap."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from registry.errors import Stale
from registry.notices import tell
from registry.tables import Alias, AliasName


def alias_of(session: Session, task: str, name: AliasName) -> Alias | None:
    return session.exec(select(Alias).where(Alias.task == task, Alias.name == name)).first()


def generation_of(session: Session, task: str, name: AliasName) -> int:
    """Return the generation to give to `point_alias`; 0 if the alias is not there."""
    alias = alias_of(session, task, name)
    return 0 if alias is None else alias.generation


def point_alias(session: Session, task: str, name: AliasName, number: int, *, generation: int, now: datetime,
                share: float | None = None, from_at: datetime | None = None,
                terms: dict[str, Any] | None = None) -> None:
    """Point an alias at a version if its generation is still `generation` (0: if it is not there); else raise Stale."""
    tell(session)
    pointed: dict[str, Any] = {"version_number": number, "share": share, "from_at": from_at, "terms": terms,
                               "changed_at": now}
    if generation == 0 and alias_of(session, task, name) is None:
        session.add(Alias(task=task, name=name, **pointed))
        try:
            session.flush()
        except IntegrityError as error:               # somebody else was first, in a transaction that was open still
            raise _changed(task, name) from error
        return
    statement = (update(Alias)
                 .where(col(Alias.task) == task, col(Alias.name) == name, col(Alias.generation) == generation)
                 .values(generation=generation + 1, **pointed))
    if session.connection().execute(statement).rowcount != 1:
        raise _changed(task, name)


def drop_alias(session: Session, alias: Alias) -> None:
    """Take an alias away if nobody changed it since it was read; else raise Stale."""
    statement = delete(Alias).where(col(Alias.task) == alias.task, col(Alias.name) == alias.name,
                                    col(Alias.generation) == alias.generation)
    if session.connection().execute(statement).rowcount != 1:
        raise _changed(alias.task, alias.name)
    session.expunge(alias)
    tell(session)


def _changed(task: str, name: AliasName) -> Stale:
    return Stale(f"somebody else changed the {name.value} of {task} meanwhile", "look again before deciding")
