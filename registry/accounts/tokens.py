"""API tokens: shown once, kept as hashes, narrowed by scopes, over after a while."""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from registry import audit
from registry.accounts.people import digest, get_account
from registry.accounts.roles import SCOPES, Person, Role
from registry.accounts.tables import Account, ApiToken
from registry.errors import NotFound, Refused

PREFIX = "hypermatch_"
LONGEST_DAYS = 366


def create_token(session: Session, account: str, name: str, *, scopes: Collection[str], days: int, actor: str,
                 now: datetime) -> str:
    """Return a new token, which nobody can read again; raises Refused for a taken name or an unknown scope."""
    get_account(session, account)
    name = name.strip()
    if not 1 <= len(name) <= 63 or not name.isprintable():
        raise Refused("a token needs a name of 1 to 63 characters", "name the program that will use it")
    unknown = sorted(set(scopes) - set(SCOPES.values()))
    if unknown or not scopes:
        raise Refused(f"{unknown[0]!r} is not a scope" if unknown else "a token needs a scope",
                      f"take some of {', '.join(SCOPES.values())}")
    if not 1 <= days <= LONGEST_DAYS:
        raise Refused(f"a token lasts 1 to {LONGEST_DAYS} days, not {days}")
    if session.exec(select(ApiToken).where(ApiToken.account == account, ApiToken.name == name)).first() is not None:
        raise Refused(f"{account} has a token {name!r} already", "revoke it or take another name")
    raw = PREFIX + secrets.token_urlsafe(32)
    session.add(ApiToken(account=account, name=name, token_hash=digest(raw), scopes=sorted(scopes), created_at=now,
                         expires_at=now + timedelta(days=days)))
    audit.record(session, action="token:created", subject=f"{account}/{name}", actor=actor, now=now,
                 details={"scopes": sorted(scopes), "days": days})
    return raw


def person_of(session: Session, raw: str, now: datetime) -> Person | None:
    """Return who acts with a token, None if it is unknown or over, or its maker disabled."""
    found = session.exec(select(ApiToken).where(ApiToken.token_hash == digest(raw))).first()
    if found is None or found.expires_at <= now:
        return None
    account = session.get(Account, found.account)
    if account is None or account.disabled_at is not None:
        return None
    return Person(account.name, Role(account.role), frozenset(found.scopes))


def list_tokens(session: Session, account: str) -> list[ApiToken]:
    return list(session.exec(select(ApiToken).where(ApiToken.account == account).order_by(col(ApiToken.id))))


def revoke_token(session: Session, account: str, token_id: int, *, actor: str, now: datetime) -> None:
    """End a token of an account at once."""
    found = session.get(ApiToken, token_id)
    if found is None or found.account != account:
        raise NotFound(f"{account} has no token {token_id}")
    session.delete(found)
    audit.record(session, action="token:revoked", subject=f"{account}/{found.name}", actor=actor, now=now)
