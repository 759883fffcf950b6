"""The installation under torture: Apache Kafka, PostgreSQL and all processes, below one throw-away folder."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from infra.apache_kafka import Kafka
from infra.parts import free_port, machine_parts, state_environment
from infra.postgres import Postgres
from infra.supervisor import RunningPart, Supervisor
from infra.torture.trouble import trouble
from ingest.bank import DataBank
from ingest.settings import IngestSettings
from registry.artifacts.store import ArtifactStore
from registry.database import migrate, open_database
from registry.errors import HyperMatchError

DISK_BYTES = 512 * 2**20
RECIPE = """encoder = "subword"
[subword]
dimensions = 32
n_buckets = 4096
n_max = 3
[export]
n_golden = 4
"""
TASK = "torture"


class Installation:
    """What is broken and looked at: the servers, the parts, and the registry, the artifacts and the bank they share."""

    def __init__(self, folder: Path, kafka: Kafka, postgres: Postgres, disk: Path | None,
                 say: Callable[[str], None]) -> None:
        self.folder, self.kafka, self.postgres, self.disk = folder, kafka, postgres, disk
        self.trouble, self.port = trouble(folder, say), free_port()
        self.environment = {**environment_of(folder, kafka, postgres, disk, self.port),
                            **(self.trouble.environment if self.trouble else {})}
        migrate(postgres.url)
        self.engine = open_database(postgres.url)
        self.store = ArtifactStore(self.environment["HYPERMATCH_REGISTRY_ARTIFACTS"])
        self.bank = DataBank(self.environment["HYPERMATCH_INGEST_BANK"])
        self.supervisor = Supervisor(machine_parts(self.environment), folder / "logs", say)

    @property
    def ingest_settings(self) -> IngestSettings:
        return IngestSettings.model_validate({name.removeprefix("HYPERMATCH_INGEST_").lower(): value
                                              for name, value in self.environment.items() if "_INGEST_" in name})

    def part(self, name: str) -> RunningPart:
        return next(running for running in self.supervisor.running if running.part.name == name)

    def tree(self, name: str) -> list[psutil.Process]:
        """Return the processes of a part, the one that the supervisor started first; none if it is down."""
        try:
            top = psutil.Process(self.part(name).process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.Error:
            return []


def environment_of(folder: Path, kafka: Kafka, postgres: Postgres, disk: Path | None, port: int) -> dict[str, str]:
    (folder / "recipes").mkdir()
    (folder / "recipes" / f"{TASK}.toml").write_text(RECIPE)
    return {
        **state_environment(folder),
        "HYPERMATCH_REGISTRY_URL": postgres.url,
        "HYPERMATCH_INGEST_BANK": str((disk or folder) / "bank"),
        "HYPERMATCH_INGEST_BROKERS": kafka.address,
        "HYPERMATCH_INGEST_FLUSH_SECONDS": "1",
        "HYPERMATCH_INGEST_SESSION_TIMEOUT_SECONDS": "3",
        "HYPERMATCH_INGEST_HEARTBEAT_SECONDS": "2",
        "HYPERMATCH_SERVING_BROKERS": kafka.address,
        "HYPERMATCH_SERVING_PORT": str(port),
        "HYPERMATCH_SERVING_POLL_SECONDS": "0.5",
        "HYPERMATCH_SERVING_PROVIDERS": "cpu",
        "HYPERMATCH_CONSOLE_PORT": str(free_port()),
        "HYPERMATCH_TRAINER_RECIPES": str(folder / "recipes"),
        "HYPERMATCH_TRAINER_TICK_SECONDS": "2",
        "HYPERMATCH_TRAINER_NEW_TEXTS": "1000000",     # runs are asked for, by the schedule
        "HYPERMATCH_TRAINER_COOLDOWN_SECONDS": "1",
        "HYPERMATCH_TRAINER_LEASE_SECONDS": "5",
        "HYPERMATCH_TRAINER_THREADS": "1",
        "HYPERMATCH_TRAINER_IS_DRIFT_DRY_RUN": "true",
        "OMP_NUM_THREADS": "1",
    }


@contextmanager
def installed(folder: Path, say: Callable[[str], None]) -> Iterator[Installation]:
    """Start the servers and the parts, and end them all, whatever happens meanwhile."""
    with small_disk(folder / "disk", say) as disk:
        kafka, postgres = Kafka(folder / "kafka"), Postgres(folder / "postgres")
        kafka.start()
        try:
            postgres.start()
            try:
                installation = Installation(folder, kafka, postgres, disk, say)
                with installation.supervisor:
                    yield installation
                installation.engine.dispose()
            finally:
                postgres.stop()
        finally:
            kafka.stop()


@contextmanager
def small_disk(folder: Path, say: Callable[[str], None]) -> Iterator[Path | None]:
    """Yield a small disk of our own that may be filled; None where mounting one is not permitted."""
    folder.mkdir(parents=True)
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=False,
        capture_output=True).returncode == 0
    if not mounted:
        say("skipped: full disk (mounting a small tmpfs is not permitted here)")
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class TortureImpossible(HyperMatchError):
    """What a torture needs is not there."""
