"""People whom the organization's own provider vouches for: a sign-in under way, and the account it leads to."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from registry import audit
from registry.accounts.people import add_account, digest, is_name
from registry.accounts.roles import Role
from registry.accounts.sessions import end_sessions
from registry.accounts.tables import Account, ProviderSignIn
from registry.errors import NotAllowed

LASTS = timedelta(minutes=10)                         # long enough for a second factor


@dataclass(frozen=True)
class Identity:
    """Who somebody is, by a token that was verified; without a role the provider gives them none that we know."""

    issuer: str
    subject: str
    name: str
    role: Role | None


@dataclass(frozen=True)
class Admission:
    """Whether somebody may come in: their account, or why not."""

    account: Account | None
    says: str = ""


def begin_sign_in(session: Session, browser: str, wanted: str, now: datetime) -> tuple[str, ProviderSignIn]:
    """Remember a sign-in of this browser's session; return its state and what else goes to the provider."""
    session.exec(delete(ProviderSignIn).where(col(ProviderSignIn.expires_at) <= now))  # type: ignore[call-overload]
    state = secrets.token_urlsafe(32)
    begun = ProviderSignIn(state_hash=digest(state), session_hash=digest(browser), nonce=secrets.token_urlsafe(32),
                           verifier=secrets.token_urlsafe(64), wanted=wanted[:500], expires_at=now + LASTS)
    session.add(begun)
    session.flush()
    return state, begun


def take_sign_in(session: Session, browser: str, state: str, now: datetime) -> ProviderSignIn:
    """Return what was remembered, once; raises NotAllowed for a state that is used, over, or of another browser."""
    found = session.get(ProviderSignIn, digest(state), with_for_update=True)
    if found is None or found.session_hash != digest(browser) or found.expires_at <= now:
        raise NotAllowed("this sign-in was not begun here, is over, or was used already", "sign in again")
    session.delete(found)
    session.flush()
    return found


def admit(session: Session, identity: Identity, *, now: datetime) -> Admission:
    """Decide on somebody whom the provider sent; the account is made at their first sign-in and follows their role.

    A name that somebody else has is never taken over: whoever may choose a name at the
    provider could otherwise become that person here.
    """
    account = _account_of(session, identity)
    if identity.role is None:
        return _refuse(session, identity, account, "the provider gives you no role that HyperMatch knows", now)
    if account is None:
        if not is_name(identity.name) or session.get(Account, identity.name) is not None:
            return _refuse(session, identity, None, "another account has this name, or it is no name for one", now)
        account = add_account(session, identity.name, identity.role, actor=identity.name, now=now,
                              issuer=identity.issuer, subject=identity.subject)
    if account.disabled_at is not None:
        return _refuse(session, identity, account, "this account is disabled", now)
    _follow(session, account, identity, now)
    audit.record(session, action="account:signed_in", subject=account.name, actor=account.name, now=now,
                 details={"issuer": identity.issuer})
    return Admission(account)


def _account_of(session: Session, identity: Identity) -> Account | None:
    return session.exec(select(Account).where(Account.issuer == identity.issuer,
                                              Account.subject == identity.subject)).first()


def _follow(session: Session, account: Account, identity: Identity, now: datetime) -> None:
    """Give the account the provider's role, even if that leaves no administrator: the provider is who decides."""
    assert identity.role is not None
    if account.role == identity.role.value:
        return
    was, account.role = account.role, identity.role.value
    audit.record(session, action="account:role_changed", subject=account.name, actor="provider", now=now,
                 reason="the provider says so", details={"from": was, "to": account.role})


def _refuse(session: Session, identity: Identity, account: Account | None, says: str, now: datetime) -> Admission:
    """Keep who was refused and why; whoever lost their role loses their sessions too."""
    name = account.name if account is not None else identity.name[:63]
    if account is not None:
        end_sessions(session, account.name)
    audit.record(session, action="account:refused", subject=name, actor=name, reason=says, now=now,
                 details={"issuer": identity.issuer, "subject": identity.subject})
    return Admission(None, says)
