"""Starts a PostgreSQL server of its own on loopback, as an ordinary user where this process runs as root."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.apache_kafka import free_port


def servers_folder() -> Path | None:
    """Return the folder that holds initdb and pg_ctl."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    found = debian[0] if debian else shutil.which("initdb")
    return Path(found).parent if found else None


class Postgres:
    """One server with an empty database; it may be stopped and started again on the same port and data."""

    def __init__(self, folder: Path) -> None:
        programs = servers_folder()
        assert programs is not None
        self.folder, self.programs, self.port = folder, programs, free_port()
        self.data = folder / "data"
        folder.mkdir(parents=True, exist_ok=True)
        self.user = _unprivileged(folder)
        _run([programs / "initdb", "-D", self.data, "-U", "hypermatch", "-A", "trust", "-E", "UTF8", "--locale=C",
              "--no-sync"], self.user)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://hypermatch@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Return once the server takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._control("-o", options, "-l", self.folder / "log", "-w", "start")

    def stop(self) -> None:
        """Stop as a crash does: no checkpoint, every connection cut."""
        self._control("-m", "immediate", "stop")

    def _control(self, *arguments: object) -> None:
        _run([self.programs / "pg_ctl", "-D", self.data, *arguments], self.user)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Yield the URL of an empty server on a free loopback port."""
    server = Postgres(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


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
