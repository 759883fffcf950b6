"""Sessions: signing in with growing patience, idle and absolute limits, signing out everywhere."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col

from registry import audit
from registry.accounts.passwords import is_right
from registry.accounts.people import digest
from registry.accounts.tables import Account, ConsoleKey, ConsoleSession, SignInAttempts
from registry.errors import NotAllowed

FREE_ATTEMPTS = {"account": 5, "address": 50}         # then each failure doubles the wait; a proxy is one address
LONGEST_WAIT = timedelta(minutes=5)                   # short enough that nobody is locked out by somebody else
TOUCH_EVERY = timedelta(seconds=30)


@dataclass(frozen=True)
class Limits:
    """How long a session lives without a request, and at all."""

    idle: timedelta
    absolute: timedelta


def begin_attempt(session: Session, name: str, address: str, now: datetime) -> None:
    """Count an attempt as failed before it is looked at, so that many at once gain nothing.

    Raises NotAllowed while the account or the address has to wait.
    """
    for kind, key in (("account", name), ("address", address)):
        found = session.get(SignInAttempts, _key(kind, key))
        if found is None:
            found = SignInAttempts(key=_key(kind, key), n_failures=0, blocked_until=now)
            session.add(found)
        if found.blocked_until > now:
            seconds = int((found.blocked_until - now).total_seconds()) + 1
            raise NotAllowed("too many failed attempts", f"wait {seconds} s")
        found.n_failures += 1
        if found.n_failures >= FREE_ATTEMPTS[kind]:
            wait = timedelta(seconds=2.0 ** min(found.n_failures - FREE_ATTEMPTS[kind] + 1, 20))
            found.blocked_until = now + min(wait, LONGEST_WAIT)
    session.flush()


def is_password_right(session: Session, name: str, password: str) -> bool:
    """Compare the password, which is slow on purpose: in no transaction that others wait for."""
    account = session.get(Account, name)
    return is_right(None if account is None else account.password_hash, password)


def sign_in(session: Session, name: str, address: str, now: datetime) -> str | None:
    """Open a session after the password was found right; return its id, None if the account is gone or disabled."""
    account = session.get(Account, name)
    if account is None or account.disabled_at is not None:
        return None
    for kind, key in (("account", name), ("address", address)):
        attempts = session.get(SignInAttempts, _key(kind, key))
        if attempts is not None:
            session.delete(attempts)
    audit.record(session, action="account:signed_in", subject=name, actor=name, now=now)
    return open_session(session, account, now)


def open_session(session: Session, account: Account, now: datetime) -> str:
    """Return the id of a session that was never used before."""
    raw = secrets.token_urlsafe(32)
    session.add(ConsoleSession(id_hash=digest(raw), account=account.name, created_at=now, seen_at=now))
    session.flush()
    return raw


def account_of(session: Session, raw: str, limits: Limits, now: datetime) -> Account | None:
    """Return whose session it is, None if it ended, idled or lived too long."""
    found = session.get(ConsoleSession, digest(raw))
    if found is None or now - found.seen_at > limits.idle or now - found.created_at > limits.absolute:
        return None
    account = session.get(Account, found.account)
    return account if account is not None and account.disabled_at is None else None


def is_untouched(session: Session, raw: str, now: datetime) -> bool:
    """Say whether the session's last request is long enough ago to be written down."""
    found = session.get(ConsoleSession, digest(raw))
    return found is not None and now - found.seen_at > TOUCH_EVERY


def touch(session: Session, raw: str, now: datetime) -> None:
    """Write down that the session is in use."""
    found = session.get(ConsoleSession, digest(raw))
    if found is not None:
        found.seen_at = now


def sign_out(session: Session, raw: str, *, now: datetime) -> None:
    found = session.get(ConsoleSession, digest(raw))
    if found is not None:
        session.delete(found)
        audit.record(session, action="account:signed_out", subject=found.account, actor=found.account, now=now)


def sign_out_everywhere(session: Session, name: str, *, actor: str, now: datetime) -> None:
    """End every session of an account, as its owner asked."""
    end_sessions(session, name)
    audit.record(session, action="account:signed_out_everywhere", subject=name, actor=actor, now=now)


def end_sessions(session: Session, name: str) -> None:
    session.exec(delete(ConsoleSession).where(col(ConsoleSession.account) == name))  # type: ignore[call-overload]


def forget_old_sessions(session: Session, limits: Limits, now: datetime) -> None:
    """Remove what nobody can use any more, so that the tables do not grow."""
    seen, created = col(ConsoleSession.seen_at), col(ConsoleSession.created_at)
    session.exec(delete(ConsoleSession).where(  # type: ignore[call-overload]
        (seen < now - limits.idle) | (created < now - limits.absolute)))
    session.exec(delete(SignInAttempts).where(  # type: ignore[call-overload]
        col(SignInAttempts.blocked_until) < now - timedelta(days=1)))


def signing_key(session: Session) -> str:
    """Return the key that signs cookies, made on first use."""
    found = session.get(ConsoleKey, "cookies")
    if found is None:
        found = ConsoleKey(name="cookies", value=secrets.token_urlsafe(48))
        session.add(found)
        session.flush()
    return found.value


def _key(kind: str, key: str) -> str:
    return f"{kind}:{digest(key)}"
