"""The tables of accounts: people, invitations, sessions, tokens, attempts to sign in."""

from datetime import datetime

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from registry.tables import UtcDateTime


class Account(SQLModel, table=True):
    """A person who may sign in once a password is set, or whom the provider vouches for as `subject` of `issuer`."""

    __table_args__ = (Index("uq_account_subject", "issuer", "subject", unique=True),)

    name: str = Field(primary_key=True, max_length=63)
    role: str = Field(max_length=20)
    password_hash: str | None = Field(default=None, max_length=200)
    issuer: str | None = Field(default=None, max_length=300)
    subject: str | None = Field(default=None, max_length=255)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Invitation(SQLModel, table=True):
    """A link that sets one password, once; without an account it makes the first administrator."""

    token_hash: str = Field(primary_key=True, max_length=64)
    account: str | None = Field(default=None, foreign_key="account.name", ondelete="CASCADE")
    expires_at: datetime = Field(sa_type=UtcDateTime)


class ConsoleSession(SQLModel, table=True):
    """A signed-in browser; the cookie holds the id, the table only its hash."""

    __tablename__ = "console_session"
    __table_args__ = (Index("ix_console_session_account", "account"),)

    id_hash: str = Field(primary_key=True, max_length=64)
    account: str = Field(foreign_key="account.name", ondelete="CASCADE")
    created_at: datetime = Field(sa_type=UtcDateTime)
    seen_at: datetime = Field(sa_type=UtcDateTime)


class ApiToken(SQLModel, table=True):
    """A key for programs; the table holds only its hash."""

    __tablename__ = "api_token"
    __table_args__ = (UniqueConstraint("account", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    account: str = Field(foreign_key="account.name", ondelete="CASCADE")
    name: str = Field(max_length=63)
    token_hash: str = Field(max_length=64, unique=True)
    scopes: list[str] = Field(sa_type=JSON)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class SignInAttempts(SQLModel, table=True):
    """Failed attempts in a row, of one account or from one address, and until when no other is taken."""

    __tablename__ = "sign_in_attempts"

    key: str = Field(primary_key=True, max_length=100)
    n_failures: int
    blocked_until: datetime = Field(sa_type=UtcDateTime)


class ProviderSignIn(SQLModel, table=True):
    """A sign-in that is under way at the provider: of one browser, good once."""

    __tablename__ = "provider_sign_in"

    state_hash: str = Field(primary_key=True, max_length=64)
    session_hash: str = Field(max_length=64)
    nonce: str = Field(max_length=100)
    verifier: str = Field(max_length=128, description="Of PKCE: whoever has the code alone gets nothing for it.")
    wanted: str = Field(max_length=500, description="The page to show afterwards.")
    expires_at: datetime = Field(sa_type=UtcDateTime)


class ConsoleKey(SQLModel, table=True):
    """The key that signs cookies: made once, shared by every console of a registry."""

    __tablename__ = "console_key"

    name: str = Field(primary_key=True, max_length=20)
    value: str = Field(max_length=100)
