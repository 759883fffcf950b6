"""Opens the registry's database, SQLite (WAL) or PostgreSQL, and brings it to the newest revision."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, create_engine

from registry.errors import RegistryAway, RegistryError

BUSY_TIMEOUT_SECONDS = 30
MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(url: str, to: str = "head") -> None:
    """Bring the database to the newest revision, or up to that of `to`, creating a SQLite file if there is none."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(url)
    with reachable(url), engine.begin() as connection:
        if parsed.get_backend_name() == "postgresql":        # two processes may start at once
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7251970)")
        check_is_known(MigrationContext.configure(connection).get_current_revision())
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    engine.dispose()


def open_database(url: str) -> Engine:
    """Return an engine on a database that is at the newest revision; raises RegistryError if it is not.

    It is RegistryAway if the database does not answer.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        raise RegistryError(f"there is no registry at {parsed.database}", "create it with `hypermatch migrate`")
    engine = _engine(url)
    found, newest = revision(engine), newest_revision()
    check_is_known(found)
    if found != newest:
        raise RegistryError(f"the registry is at revision {found}, this release needs {newest}",
                            "run `hypermatch migrate`")
    return engine


def open_unchecked(url: str) -> Engine:
    """Return an engine on a database that nobody asked yet; whoever uses it hears whether it is away."""
    return _engine(url)


@contextmanager
def open_empty(url: str) -> Iterator[Engine]:
    """Yield an engine on a database at whatever revision it is, one without a table if it is not there yet."""
    parsed = make_url(url)
    is_there = parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").exists()
    engine = _engine(url if is_there else "sqlite://")
    with reachable(url):
        yield engine
    engine.dispose()


def revision(engine: Engine) -> str | None:
    """Return the revision that the database is at, None for an empty one."""
    with reachable(engine.url), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def check_is_known(found: str | None) -> None:
    """Refuse a revision of a later release: no release takes back what a later one made."""
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if found is not None and found not in known:
        raise RegistryError(f"the registry is at revision {found}, this release knows {newest_revision()} at most",
                            "run the later release, or restore a backup taken before it")


def newest_revision() -> str | None:
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


@contextmanager
def write(engine: Engine) -> Iterator[Session]:
    """Begin a transaction; commit it, or roll it back if the body raises.

    On SQLite it takes the write lock at once, so that what it read stays true.
    """
    with reachable(engine.url), Session(engine, expire_on_commit=False) as session, session.begin():
        if engine.dialect.name == "sqlite":
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")
        yield session


@contextmanager
def read(engine: Engine) -> Iterator[Session]:
    """Open a session for reading; its rows stay usable afterwards."""
    with reachable(engine.url), Session(engine, expire_on_commit=False) as session:
        yield session


def database_time(session: Session) -> datetime:
    """Return what the database's own clock says: the one clock that all its clients share."""
    if session.get_bind().dialect.name == "postgresql":
        told: datetime = session.connection().execute(text("SELECT clock_timestamp()")).scalar_one()
        return told.astimezone(UTC)
    said = session.connection().execute(text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")).scalar_one()
    return datetime.fromisoformat(said).replace(tzinfo=UTC)


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False})
        event.listen(engine, "connect", _configure_sqlite)
        return engine
    return create_engine(url, pool_pre_ping=True)


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None                 # SQLAlchemy, not the driver, says when a transaction begins
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")     # a promotion that was confirmed survives a power cut
    connection.execute("PRAGMA foreign_keys=ON")


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@contextmanager
def reachable(url: URL | str) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        where = make_url(url).render_as_string(hide_password=True)
        raise RegistryAway(f"the registry at {where} does not answer: {str(error.orig).splitlines()[0]}",
                           "check HYPERMATCH_REGISTRY_URL") from error
