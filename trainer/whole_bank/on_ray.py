"""Works on the chunks of the bank on a Ray cluster: files are read, and chunks worked on, wherever a core is free."""

import logging
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray
import ray.data

from ingest.bank import DataBank
from trainer.errors import TrainerError
from trainer.whole_bank.chunks import BankTexts, Done, Report, Work, newest

LOCAL = "local"                                       # a cluster of our own on this machine, gone with the process
MEND = "start one with `ray start --head`, or give --ray without an address to use this machine"
RAISED = re.compile(r"(?!ray\.)[\w.]+: \S")            # `package.Error: what is wrong`, at the start of a line
CONNECT_SECONDS = 5
MAX_PARTITIONS = 1_024                                # of the exchange that brings a chunk's texts together


@dataclass(frozen=True)
class Place:
    """Where the bank is, for processes that open it anew."""

    url: str
    options: Mapping[str, str]
    texts: BankTexts                                  # without its bank, whose lock does not travel

    @classmethod
    def of(cls, texts: BankTexts) -> "Place":
        url = texts.bank.url if "://" in texts.bank.url else str(Path(texts.bank.url).absolute())
        return cls(url, texts.bank.options, replace(texts, bank=None))         # type: ignore[arg-type]

    def open(self) -> BankTexts:
        return replace(self.texts, bank=DataBank(self.url, self.options))


class Worker:
    """One process of the pool: makes the work once, then does it chunk by chunk."""

    def __init__(self, shared: list[Any]) -> None:
        self.work: Work = ray.get(shared[0])()

    def __call__(self, rows: pa.Table) -> pa.Table:
        return pa.table({"n_texts": rows["n_texts"],
                         "content": [to_bytes(self.work(of_bytes(each.as_py()))) for each in rows["content"]]})


@dataclass(frozen=True)
class Cluster:
    """A cluster that was reached, and how many processes of one core each work on it."""

    n_workers: int

    def run(self, texts: BankTexts, make: Callable[[], Work], report: Report) -> Iterator[Done]:
        """Yield what the work makes of each chunk, in no order; the same, text for text, as in one process."""
        report(0.0)
        try:
            chunks = self._chunks(texts)
            n_texts, n_done, shared = int(chunks.sum("n_texts")), 0, ray.put(make)
            done = chunks.map_batches(Worker, fn_constructor_args=([shared],), batch_size=1, batch_format="pyarrow",
                                      concurrency=self.n_workers, num_cpus=1)
            for rows in done.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                for size, content in zip(rows["n_texts"].to_pylist(), rows["content"], strict=True):
                    yield Done(size, of_bytes(content.as_py()))
                    n_done += size
                    report(n_done / n_texts)
        except ray.exceptions.RayError as error:
            raise TrainerError(f"a worker on the Ray cluster failed: {why(error)}",
                               "it needs this version of HyperMatch and must reach the bank; what was done is kept, "
                               "the same command goes on") from error

    def _chunks(self, texts: BankTexts) -> Any:
        """Return one row per chunk: how many texts it has, and these as bytes.

        All of it is read before the first chunk is worked on: readers and workers that wait
        for each other's cores would wait for ever.
        """
        place = Place.of(texts)
        paths = [{"path": file.path} for file in texts.bank.files(texts.version)]
        rows = ray.data.from_items(paths, override_num_blocks=len(paths)).map_batches(
            lambda batch: _read(place, batch["path"]), batch_size=1)
        by_chunk = rows.groupby("chunk", num_partitions=min(2**texts.n_bits, MAX_PARTITIONS))
        return by_chunk.map_groups(_packed, batch_format="pyarrow").materialize()


def check_answers(address: str) -> None:
    """Raise TrainerError unless something answers there: Ray itself would ask for a minute."""
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise TrainerError(f"{address!r} is no address of a Ray cluster", "--ray takes HOST:PORT, auto, or nothing")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise TrainerError(f"no Ray cluster answers at {address}: {error}", MEND) from error


@contextmanager
def cluster(address: str, n_workers: int = 0) -> Iterator[Cluster]:
    """Join the Ray cluster at `address`, or start one on this machine, for as long as the context lasts.

    `n_workers` 0 is one per core. Raises TrainerError if the cluster cannot be reached or
    has fewer cores.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")                      # nothing is told to anyone
    check_answers(address)
    own: dict[str, Any] = {"include_dashboard": False, "num_cpus": n_workers or None} if address == LOCAL else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except (ValueError, RuntimeError, OSError) as error:
        raise TrainerError(f"no Ray cluster answers at {address}: {str(error).splitlines()[0]}", MEND) from error
    try:
        quiet()
        n_cores = int(ray.cluster_resources().get("CPU", 0))
        if n_workers > n_cores:
            raise TrainerError(f"{n_workers} workers were asked for, the Ray cluster has {n_cores} cores",
                               "lower --workers")
        yield Cluster(n_workers or max(n_cores, 1))
    finally:
        ray.shutdown()


def quiet() -> None:
    """Leave progress and errors to us: Ray's own bars and logs would write between them."""
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def why(error: Exception) -> str:
    """Return what the worker raised, of all that Ray tells around it."""
    told = [line.strip() for line in str(error).splitlines() if RAISED.match(line)]
    return (told or [str(error).strip().splitlines()[0]])[0][:300]


def to_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def of_bytes(content: bytes) -> pa.Table:
    return pa.ipc.open_stream(content).read_all()


def _read(place: Place, paths: Any) -> pa.Table:
    texts = place.open()
    found = pa.concat_tables([texts.of_file(str(path)) for path in paths])
    return found.append_column("chunk", pa.array(texts.numbers(found["text_hash"])))


def _packed(rows: pa.Table) -> pa.Table:
    """Make one row of a chunk's rows, each text once: a row is never divided between workers."""
    found = newest(rows.drop_columns(["chunk"]))
    return pa.table({"n_texts": [len(found)], "content": [to_bytes(found)]})
