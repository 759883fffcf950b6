"""Roles and scopes: who may do what, asked where it is done."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Concatenate, ParamSpec, TypeVar

from sqlmodel import Session

from registry.errors import NotAllowed

P = ParamSpec("P")
T = TypeVar("T")


class Role(StrEnum):
    """Each role may do all that those before it may."""

    VIEWER = "viewer"
    LABELER = "labeler"
    APPROVER = "approver"
    ADMIN = "admin"


RANKS = {role: rank for rank, role in enumerate(Role)}
SCOPES = {Role.VIEWER: "read", Role.LABELER: "label", Role.APPROVER: "decide", Role.ADMIN: "administer"}


@dataclass(frozen=True)
class Person:
    """Who acts; `scopes` narrow what a token may do, None is a person at a browser."""

    name: str
    role: Role
    scopes: frozenset[str] | None = None

    def may(self, role: Role) -> bool:
        """Say whether this person may do what `role` may."""
        return RANKS[self.role] >= RANKS[role] and (self.scopes is None or SCOPES[role] in self.scopes)

    def check(self, role: Role) -> None:
        """Raise NotAllowed, naming what is lacking, unless this person may do what `role` may."""
        if RANKS[self.role] < RANKS[role]:
            raise NotAllowed(f"{self.name} is {self.role.value}, this needs {role.value}", "ask an administrator")
        if not self.may(role):
            raise NotAllowed(f"this token lacks the scope {SCOPES[role]!r}", "make a token that has it")


def needs(role: Role) -> Callable[[Callable[Concatenate[Session, Person, P], T]],
                                  Callable[Concatenate[Session, Person, P], T]]:
    """Let an act be done only by those who may, whatever door they came through."""
    def guard(act: Callable[Concatenate[Session, Person, P], T]) -> Callable[Concatenate[Session, Person, P], T]:
        @functools.wraps(act)
        def guarded(session: Session, person: Person, *args: P.args, **kwargs: P.kwargs) -> T:
            person.check(role)
            return act(session, person, *args, **kwargs)

        return guarded

    return guard
