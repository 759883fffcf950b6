"""Starts Apache Kafka (KRaft, one node, loopback) for tests and benchmarks, from the jars of infra/kafka/pom.xml."""

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

DEFINITION = Path(__file__).parent / "kafka"
JARS = DEFINITION.parents[1] / ".hypermatch" / "kafka" / "libs"
START_SECONDS = 60


def is_available() -> bool:
    """Say whether Java is there and the jars are, or Maven that fetches them."""
    return shutil.which("java") is not None and (JARS.exists() or shutil.which("mvn") is not None)


class Kafka:
    """One broker on a port of its own; it may be stopped and started again on the same port and data."""

    def __init__(self, folder: Path, port: int = 0, group_delay_ms: int = 0) -> None:
        self.folder, self.group_delay_ms = folder, group_delay_ms
        self.port, self.controller_port = port or free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        fetch_jars()
        self.properties = self._write_properties()
        self._format()

    def start(self) -> None:
        """Return once the broker takes connections."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._java("kafka.Kafka", str(self.properties)), stdout=log, stderr=log,
                                            cwd=self.folder)
        until = time.monotonic() + START_SECONDS
        while not takes_connections(self.port):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Apache Kafka did not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _write_properties(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        filled = Template((DEFINITION / "server.properties").read_text()).substitute(
            port=self.port, controller_port=self.controller_port, folder=self.folder / "topics",
            group_delay_ms=self.group_delay_ms)
        properties = self.folder / "server.properties"
        properties.write_text(filled)
        return properties

    def _format(self, *more: str) -> None:
        command = self._java("kafka.tools.StorageTool", "format", "-t", uuid.uuid4().hex[:22], "-c",
                             str(self.properties), "--ignore-formatted", *more)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)

    def _java(self, *arguments: str) -> list[str]:
        return ["java", "-Xms256m", "-Xmx512m", "-XX:+UseParallelGC", "-XX:TieredStopAtLevel=4", "-cp", f"{JARS}/*",
                *arguments]


@contextmanager
def started(folder: Path, port: int = 0, group_delay_ms: int = 0) -> Iterator[Kafka]:
    """Yield a running broker that the caller may stop and start again."""
    kafka = Kafka(folder, port, group_delay_ms)
    kafka.start()
    try:
        yield kafka
    finally:
        kafka.stop()


@contextmanager
def running(folder: Path, port: int = 0, group_delay_ms: int = 0) -> Iterator[str]:
    """Yield the bootstrap address of a running broker; a new group waits for members so long."""
    with started(folder, port, group_delay_ms) as kafka:
        yield kafka.address


def fetch_jars() -> None:
    """Fetch the jars once; a copy that was cut short does not count."""
    if JARS.exists():
        return
    partial = JARS.with_name(f"libs.{os.getpid()}")
    subprocess.run(["mvn", "-q", "-B", "-f", str(DEFINITION / "pom.xml"), "dependency:copy-dependencies",
                    f"-DoutputDirectory={partial}"], check=True, timeout=600)
    partial.replace(JARS)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def takes_connections(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
