"""Starts a PostgreSQL server for the tests, as an ordinary user where they run as root."""

import os
import pwd
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


def servers_folder() -> Path | None:
    """Return the folder that holds initdb and pg_ctl."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    found = debian[0] if debian else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Yield the URL of an empty server on a free loopback port."""
    programs = servers_folder()
    assert programs is not None
    data, port = folder / "data", free_port()
    user = _unprivileged(folder)
    _run([programs / "initdb", "-D", data, "-U", "hypermatch", "-A", "trust", "-E", "UTF8", "--locale=C",
          "--no-sync"], user)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    _run([programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"], user)
    try:
        yield f"postgresql+psycopg://hypermatch@127.0.0.1:{port}/postgres"
    finally:
        _run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], user)


def fresh_database(url: str) -> str:
    """Create a database beside the one of `url` and return its URL."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url.rsplit("/", 1)[0] + f"/{name}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _unprivileged(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: hand the folder to the user `nobody` or `postgres`."""
    if os.geteuid() != 0:
        return None
    user = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
    shutil.chown(folder, user)
    for parent in [folder, *folder.parents][:-1]:
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    return user


def _run(command: list[object], user: str | None) -> None:
    subprocess.run([str(part) for part in command], check=True, user=user, cwd="/", env={"PATH": os.environ["PATH"]},
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
