"""Accounts: added, listed, removed; passwords are set by the person, through a link that works once."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from registry import audit
from registry.accounts.passwords import hashed
from registry.accounts.roles import Role
from registry.accounts.tables import Account, ConsoleSession, Invitation
from registry.errors import NotAllowed, NotFound, Refused

LINK_LASTS = timedelta(hours=24)
NOBODY = ("gate", "provider", "trainer")              # the actors of the audit log that are no people
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,61}[a-z0-9])?")


def is_name(name: str) -> bool:
    """Say whether an account may be called so; nobody takes the name of what acts by itself."""
    return _NAME.fullmatch(name) is not None and name not in NOBODY


def add_account(session: Session, name: str, role: Role, *, actor: str, now: datetime, issuer: str | None = None,
                subject: str | None = None) -> Account:
    """Add an account; raises Refused for a taken or malformed name.

    It cannot sign in before its password is set, but through the provider that is its issuer.
    """
    if not is_name(name):
        raise Refused(f"{name[:80]!r} is no name for a person", "use 1 to 63 of a-z, 0-9 and . _ @ -")
    if session.get(Account, name) is not None:
        raise Refused(f"account {name} exists already")
    account = Account(name=name, role=role.value, issuer=issuer, subject=subject, created_at=now)
    session.add(account)
    session.flush()
    details = {"role": role.value} | ({} if issuer is None else {"issuer": issuer})
    audit.record(session, action="account:added", subject=name, actor=actor, now=now, details=details)
    return account


def get_account(session: Session, name: str) -> Account:
    account = session.get(Account, name)
    if account is None:
        raise NotFound(f"there is no account {name[:80]!r}", "`hypermatch users list` shows those that there are")
    return account


def list_accounts(session: Session) -> list[Account]:
    return list(session.exec(select(Account).order_by(col(Account.name))))


def change_role(session: Session, name: str, role: Role, *, actor: str, now: datetime, reason: str = "") -> None:
    """Give an account another role, from its next request on; the last administrator keeps theirs."""
    account = get_account(session, name)
    if account.role == role.value:
        return
    _keep_an_admin(session, account)
    was, account.role = account.role, role.value
    audit.record(session, action="account:role_changed", subject=name, actor=actor, reason=reason, now=now,
                 details={"from": was, "to": role.value})


def remove_account(session: Session, name: str, *, actor: str, now: datetime, reason: str = "") -> None:
    """Remove an account with its sessions and tokens; what it did stays in the audit log."""
    account = get_account(session, name)
    _keep_an_admin(session, account)
    session.delete(account)
    audit.record(session, action="account:removed", subject=name, actor=actor, reason=reason, now=now)


def disable_account(session: Session, name: str, *, actor: str, now: datetime, reason: str = "") -> None:
    """Let an account in no more, by no door, and end its sessions; harmless if it is disabled already."""
    account = get_account(session, name)
    if account.disabled_at is not None:
        return
    _keep_an_admin(session, account)
    account.disabled_at = now
    session.exec(delete(ConsoleSession).where(col(ConsoleSession.account) == name))  # type: ignore[call-overload]
    audit.record(session, action="account:disabled", subject=name, actor=actor, reason=reason, now=now)


def enable_account(session: Session, name: str, *, actor: str, now: datetime, reason: str = "") -> None:
    """Let a disabled account in again; tokens that are not over act again too."""
    account = get_account(session, name)
    if account.disabled_at is None:
        return
    account.disabled_at = None
    audit.record(session, action="account:enabled", subject=name, actor=actor, reason=reason, now=now)


def set_password(session: Session, name: str, password: str, *, actor: str, now: datetime) -> None:
    """Set a password and end every session of the account."""
    account = get_account(session, name)
    account.password_hash = hashed(password, name)
    session.exec(delete(ConsoleSession).where(col(ConsoleSession.account) == name))  # type: ignore[call-overload]
    session.exec(delete(Invitation).where(col(Invitation.account) == name))  # type: ignore[call-overload]
    audit.record(session, action="account:password_set", subject=name, actor=actor, now=now)


def invite(session: Session, name: str | None, *, now: datetime) -> str:
    """Return the token of a link that sets a password once; it replaces an earlier one of the same account.

    Without a name it makes the first administrator.
    """
    if name is not None:
        get_account(session, name)
    owner = col(Invitation.account)
    session.exec(delete(Invitation).where(owner.is_(None) if name is None else owner == name))  # type: ignore[call-overload]
    raw = secrets.token_urlsafe(32)
    session.add(Invitation(token_hash=digest(raw), account=name, expires_at=now + LINK_LASTS))
    return raw


def invitation_of(session: Session, raw: str, now: datetime) -> Invitation:
    """Return a live invitation; raises NotFound for one that is used, replaced or over."""
    found = session.get(Invitation, digest(raw))
    if found is None or found.expires_at <= now or (found.account is None and not needs_first_admin(session)):
        raise NotFound("this link was used or is over", "ask for another: `hypermatch users password NAME --link`")
    return found


def accept(session: Session, raw: str, *, name: str, password: str, now: datetime) -> Account:
    """Use an invitation: set the password, and make the first administrator where it was for that."""
    invitation = invitation_of(session, raw, now)
    if invitation.account is None:
        add_account(session, name, Role.ADMIN, actor=name, now=now)
    account = get_account(session, invitation.account or name)
    if account.disabled_at is not None:
        raise NotAllowed(f"{account.name} is disabled", "ask an administrator")
    session.delete(invitation)
    set_password(session, account.name, password, actor=account.name, now=now)
    return account


def needs_first_admin(session: Session) -> bool:
    """Say whether nobody can sign in as an administrator yet."""
    query = select(Account).where(Account.role == Role.ADMIN.value, col(Account.disabled_at).is_(None),
                                  col(Account.password_hash).is_not(None) | col(Account.subject).is_not(None))
    return session.exec(query.limit(1)).first() is None


def digest(raw: str) -> str:
    """Return what is stored of a random token: 256 bits of chance need no salt."""
    return hashlib.sha256(raw.encode()).hexdigest()


def _keep_an_admin(session: Session, account: Account) -> None:
    admins = [each.name for each in list_accounts(session)
              if each.role == Role.ADMIN.value and each.disabled_at is None]
    if admins == [account.name]:
        raise Refused(f"{account.name} is the only administrator", "make another one first")
