"""Administering: people and webhooks."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from registry import audit
from registry.accounts import people
from registry.accounts.roles import Person, Role, needs
from registry.webhooks import hooks
from registry.webhooks.tables import Webhook


@needs(Role.ADMIN)
def add_person(session: Session, person: Person, name: str, role: Role, *, now: datetime) -> str:
    """Add an account and return the token of the link that sets its password."""
    people.add_account(session, name, role, actor=person.name, now=now)
    return people.invite(session, name, now=now)


@needs(Role.ADMIN)
def invite_person(session: Session, person: Person, name: str, *, now: datetime) -> str:
    """Return the token of a new link that sets the password of an account."""
    audit.record(session, action="account:invited", subject=name, actor=person.name, now=now)
    return people.invite(session, name, now=now)


@needs(Role.ADMIN)
def change_role(session: Session, person: Person, name: str, role: Role, *, now: datetime, reason: str = "") -> None:
    """Give an account another role."""
    people.change_role(session, name, role, actor=person.name, reason=reason, now=now)


@needs(Role.ADMIN)
def disable_person(session: Session, person: Person, name: str, *, now: datetime, reason: str = "") -> None:
    """Let an account in no more."""
    people.disable_account(session, name, actor=person.name, reason=reason, now=now)


@needs(Role.ADMIN)
def enable_person(session: Session, person: Person, name: str, *, now: datetime, reason: str = "") -> None:
    """Let a disabled account in again."""
    people.enable_account(session, name, actor=person.name, reason=reason, now=now)


@needs(Role.ADMIN)
def remove_person(session: Session, person: Person, name: str, *, now: datetime, reason: str = "") -> None:
    """Remove an account."""
    people.remove_account(session, name, actor=person.name, reason=reason, now=now)


@needs(Role.ADMIN)
def add_webhook(session: Session, person: Person, name: str, url: str, *, events: Collection[str], is_slack: bool,
                hosts: Collection[str], now: datetime) -> Webhook:
    """Tell an address of events from now on."""
    return hooks.add_webhook(session, name, url, events=events, is_slack=is_slack, hosts=hosts, actor=person.name,
                             now=now)


@needs(Role.ADMIN)
def remove_webhook(session: Session, person: Person, name: str, *, now: datetime, reason: str = "") -> None:
    """Remove a webhook."""
    hooks.remove_webhook(session, name, actor=person.name, reason=reason, now=now)
