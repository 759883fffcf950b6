"""What a demand needs of each part: storage, partitions, processes, cores, and what the registry is asked."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.scale.demand import Demand

DAY_SECONDS = 24 * 3_600
DAYS_PER_MONTH = 30
MIB, GIB = 2**20, 2**30
Values = Mapping[str, float]


@dataclass(frozen=True)
class Need:
    """One line of the plan; `how` is the arithmetic in words."""

    part: str
    about: str
    value: float
    unit: str
    how: str


@dataclass(frozen=True)
class Plan:
    """The numbers that limits and costs are held against."""

    demand: Demand
    values: Values

    @property
    def serving_cores(self) -> float:
        """Cores that answer the busiest moment at the used share; on GPUs those that feed them."""
        each = self.values["serve_request_ms"] if self.demand.gpu_texts_per_second else self.text_ms
        return self.demand.peak_texts_per_second * each / 1_000 / self.demand.used_share

    @property
    def text_ms(self) -> float:
        """CPU milliseconds of serving for one text, its share of a request included."""
        return self.values[f"serve_{self.demand.encoder.replace('-', '_')}_ms"]

    @property
    def n_gpus(self) -> int:
        rate = self.demand.gpu_texts_per_second
        return math.ceil(self.demand.peak_texts_per_second / (rate * self.demand.used_share)) if rate else 0

    @property
    def n_replicas(self) -> int:
        return max(math.ceil(self.serving_cores / self.demand.cores_per_replica), self.n_gpus, 2)

    @property
    def n_ingest(self) -> int:
        """Ingest keeps up with the busiest moment, so that nothing waits for the night."""
        each = self.values["ingest_rows_per_second"] * self.demand.used_share
        return max(math.ceil(self.demand.peak_texts_per_second / each), 2)

    @property
    def connections(self) -> float:
        return (self.n_replicas * self.values["connections_per_worker"] + self.n_ingest
                + self.n_trainers * self.values["connections_per_trainer"] + self.values["connections_of_the_console"])

    @property
    def looks_per_second(self) -> float:
        """Polls of all replicas, one worker each."""
        return self.n_replicas / self.demand.poll_seconds

    @property
    def database_cores(self) -> float:
        scale = self.demand.tasks / self.values["look_tasks"]
        return self.looks_per_second * self.values["look_database_ms"] * scale / 1_000

    @property
    def n_files(self) -> float:
        """Files of the bank right before a compaction: those that it made, and one of each commit since."""
        commits = self.n_ingest * self.demand.compact_hours * 3_600 / self.demand.flush_seconds
        return self.bank_bytes / (self.values["compacted_file_mib"] * MIB) + commits

    @property
    def read_task_seconds(self) -> float:
        """CPU seconds to read a task's newest texts: longer and longer stretches of the bank until one holds enough.

        A stretch is of twice as many rows as texts are wanted, and each further one four times as long; the bank
        plans its files anew for each.
        """
        n_stretches = math.ceil(math.log(max(self.demand.tasks / 2, 1), 4)) + 1
        wanted = 2 * self.values["texts_per_run"]
        n_rows = sum(min(wanted * 4**number, self.demand.kept_texts) for number in range(n_stretches))
        return (n_rows / 1e6 * self.values["read_task_seconds_per_million_rows"]
                + n_stretches * self.n_files * self.values["plan_ms_per_file"] / 1_000)

    @property
    def tick_seconds(self) -> float:
        """Seconds of a tick in which nothing is due: questions about each task, and what was banked since the last."""
        n_new = self.n_ingest * self.values["tick_seconds"] / self.demand.flush_seconds
        return (self.demand.tasks * self.values["tick_ms_per_task"] + self.n_files * self.values["tally_ms_per_file"]
                + n_new * self.values["tally_ms_per_new_file"]) / 1_000

    @property
    def first_tick_seconds(self) -> float:
        """Seconds of a trainer's first tick, which counts all of the bank."""
        return (self.demand.kept_texts / 1e6 * self.values["tally_seconds_per_million_rows"]
                + self.n_files * self.values["tally_ms_per_new_file"] / 1_000 + self.tick_seconds)

    @property
    def training_hours(self) -> float:
        new = min(self.values["texts_per_run"],
                  self.demand.texts_per_month / self.demand.tasks / max(self.demand.runs_per_month, 1e-9))
        each = self.values["train_seconds"] + new * self.text_ms / 1_000 + self.read_task_seconds
        return self.demand.tasks * self.demand.runs_per_month * each / 3_600

    @property
    def looking_hours(self) -> float:
        each = self.values["drift_look_seconds"] + self.values["drift_window_texts"] * self.text_ms / 1_000
        return self.demand.tasks * self.demand.looks_per_day * DAYS_PER_MONTH * each / 3_600

    @property
    def n_trainers(self) -> int:
        busy = (self.training_hours + self.looking_hours) / (DAYS_PER_MONTH * 24)
        return max(math.ceil(busy / self.demand.used_share), 1)

    @property
    def bank_bytes(self) -> float:
        each = self.values["bank_bytes_beside_text"] + self.values["bank_bytes_per_char"] * self.demand.chars_per_text
        return self.demand.kept_texts * each

    @property
    def message_bytes(self) -> float:
        return self.values["message_bytes_beside_text"] + self.demand.chars_per_text

    @property
    def topic_bytes(self) -> float:
        kept = self.demand.mean_texts_per_second * self.demand.topic_days * DAY_SECONDS
        return kept * self.message_bytes * self.demand.topic_copies

    def needs(self) -> Iterator[Need]:
        yield from self._flow()
        yield from self._serving()
        yield from self._trainer()
        yield from self._registry()

    def _flow(self) -> Iterator[Need]:
        asked, values = self.demand, self.values
        yield Need("Kafka", "texts in the mean", asked.mean_texts_per_second, "/s", "texts of a month over its seconds")
        yield Need("Kafka", "traffic at the busiest moment", asked.peak_texts_per_second * self.message_bytes / MIB,
                   "MiB/s", f"requests times {self.message_bytes:.0f} bytes")
        yield Need("Kafka", "disk", self.topic_bytes / GIB, "GiB",
                   f"{asked.topic_days:g} days, {asked.topic_copies} copies, not compressed")
        yield Need("Kafka", "partitions", 2 * self.n_ingest, "",
                   "two for each ingest process, so that there can be more")
        yield Need("ingest", "processes", self.n_ingest, "",
                   f"{values['ingest_rows_per_second']:,.0f} rows/s each; two so that one may fail")
        yield Need("ingest", "cores", 2 * self.n_ingest, "", "one reads, one banks")
        yield Need("bank", "rows kept", asked.kept_texts, "", f"{asked.bank_days:g} days")
        yield Need("bank", "storage", self.bank_bytes / GIB, "GiB",
                   f"{self.bank_bytes / asked.kept_texts:.0f} bytes a row")
        yield Need("bank", "files", self.n_files, "",
                   f"of {values['compacted_file_mib']:g} MiB, and of the commits since the last compaction, at most")

    def _serving(self) -> Iterator[Need]:
        asked = self.demand
        if self.n_gpus:
            yield Need("serving", "GPUs", self.n_gpus, "", f"{asked.gpu_texts_per_second:,.0f} texts/s each, as given")
            yield Need("serving", "GPU hours a month", self.n_gpus * DAYS_PER_MONTH * 24, "h", "never scaled down")
        each = self.serving_cores * asked.used_share / asked.peak_texts_per_second * 1_000
        yield Need("serving", "cores", self.serving_cores, "",
                   f"{each:.3g} ms a text, used to {100 * asked.used_share:.0f} %")
        yield Need("serving", "replicas", self.n_replicas, "", f"{asked.cores_per_replica} cores each, one worker")
        yield Need("serving", "memory", self.n_replicas * self.values["serve_memory_mib"] / 1_024, "GiB",
                   "of all replicas")
        hours = asked.texts_per_month * self.text_ms / 1_000 / 3_600 / asked.used_share
        yield Need("serving", "core hours a month", hours, "h", "of its texts alone, scaled with the load, on CPUs")

    def _trainer(self) -> Iterator[Need]:
        asked = self.demand
        yield Need("trainer", "training", self.training_hours, "h/month",
                   f"{asked.tasks} tasks, {asked.runs_per_month:g} runs each: reading, embedding, learning")
        yield Need("trainer", "of it, reading the bank",
                   asked.tasks * asked.runs_per_month * self.read_task_seconds / 3_600, "h/month",
                   f"{self.read_task_seconds:,.0f} s a run, most of it for planning which files to read")
        yield Need("trainer", "looking for drift", self.looking_hours, "h/month",
                   f"{asked.looks_per_day:g} looks a day at each task")
        yield Need("trainer", "first tick after a start", self.first_tick_seconds, "s",
                   "counts all rows of the bank, once")
        yield Need("trainer", "trainers", self.n_trainers, "", "one core each, the tasks shared by leases")

    def _registry(self) -> Iterator[Need]:
        asked, values = self.demand, self.values
        yield Need("registry", "looks", self.looks_per_second, "/s", f"each worker every {asked.poll_seconds:g} s")
        yield Need("registry", "queries", self.looks_per_second * values["look_statements"], "/s",
                   f"{values['look_statements']:.0f} a look")
        share = values["look_worker_ms"] / 1_000 * asked.tasks / values["look_tasks"] / asked.poll_seconds
        yield Need("registry", "share of a worker's core", share, "", "to read what it should serve")
        yield Need("registry", "cores of PostgreSQL", self.database_cores, "", "for these looks")
        yield Need("registry", "connections", self.connections, "",
                   f"{values['connections_per_worker']:.0f} a worker, and the others")
