"""One round of the ingest benchmark in a process of its own: fill the topic, read it bare, or bank it."""

import json
import resource
import sys
import time
from datetime import UTC, datetime
from typing import Any

import psutil
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError
from tqdm import tqdm

from infra.bench.ingest import messages
from ingest.bank import DataBank
from ingest.connection import connect_consumer, connect_producer, quiet_client_log
from ingest.consumer import POLL_MS
from ingest.metrics import Metrics
from ingest.running import assembled
from ingest.settings import IngestSettings

N_PARTITIONS = 4
SAMPLE_SECONDS = 0.5


def fill(rows: int, settings: IngestSettings) -> dict[str, Any]:
    """Publish `rows` messages, spread over the partitions in runs as a keyless producer does."""
    create_topic(settings)
    producer = connect_producer(settings, batch_size=2**18, linger_ms=50, acks=1)
    for number, message in enumerate(tqdm(messages(rows), total=rows, desc="fill", disable=None)):
        producer.send(settings.texts_topic, message, partition=number // 500 % N_PARTITIONS)
    producer.flush()
    producer.close()
    check_kept(rows, settings)
    return {"rows": rows}


def check_kept(rows: int, settings: IngestSettings) -> None:
    """End here if the broker dropped messages, as the embedded one does once a partition holds some MiB."""
    consumer = connect_consumer(settings, group_id=None)
    begins, ends = consumer.beginning_offsets(places(settings)), consumer.end_offsets(places(settings))
    consumer.close()
    n_kept = sum(ends.values()) - sum(begins.values())
    if n_kept < rows:
        raise SystemExit(f"the broker kept {n_kept} of {rows} messages; ask for fewer --rows")


def places(settings: IngestSettings) -> list[TopicPartition]:
    return [TopicPartition(settings.texts_topic, number) for number in range(N_PARTITIONS)]


def create_topic(settings: IngestSettings) -> None:
    admin = KafkaAdminClient(**settings.connection)
    try:
        admin.create_topics({settings.texts_topic: {"num_partitions": N_PARTITIONS, "replication_factor": 1}})
        time.sleep(1)
    except KafkaError:
        pass                                   # the embedded broker makes topics when first used
    finally:
        admin.close()


def ceiling(rows: int, settings: IngestSettings) -> dict[str, Any]:
    """Poll and throw away, with the fetch sizes that ingest has; it joins no group."""
    consumer = connect_consumer(settings, group_id=None)
    consumer.assign(places(settings))
    consumer.seek_to_beginning()
    n, begun = 0, None
    while n < rows:
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            begun = begun or time.perf_counter()
            n += len(records)
    seconds = time.perf_counter() - (begun or 0)
    consumer.close()
    return {"rows_per_second": rows / seconds, "peak_memory_mib": own_peak_mib()}


def ingest(rows: int, settings: IngestSettings) -> dict[str, Any]:
    """Bank everything with what `hypermatch ingest run` is made of.

    As for the ceiling, the clock starts once the first messages were read; it stops at the last commit.
    """
    begun, samples, sampled = None, [], 0.0
    with assembled(settings, Metrics(), lambda: datetime.now(UTC)) as ingest:
        ingest.consumer.subscribe(settings.topics, listener=ingest)
        while ingest.banking.n_banked_messages < rows:
            ingest.step()
            begun = begun or (time.perf_counter() if ingest.n_read else None)
            if ingest.n_read >= rows:
                ingest.hand_over()             # as if more came: the last rows would otherwise wait for flush_seconds
            if time.perf_counter() - sampled > SAMPLE_SECONDS:
                sampled = time.perf_counter()
                samples.append(memory_mib())
        seconds = time.perf_counter() - (begun or 0)
    n_banked = DataBank(settings.bank).stats()["rows"]
    if n_banked != rows:
        raise SystemExit(f"{rows} texts were sent and {n_banked} banked")
    return {"rows_per_second": rows / seconds, "peak_memory_mib": max(samples),
            "memory_mib_over_time": [round(sample) for sample in samples[::max(len(samples) // 12, 1)]]}


def memory_mib() -> float:
    """Return what this process and its worker hold, shared pages counted once each."""
    here = psutil.Process()
    return sum(process.memory_info().rss for process in [here, *here.children(recursive=True)]) / 2**20


def own_peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    quiet_client_log()
    found = {"fill": fill, "ceiling": ceiling, "ingest": ingest}[sys.argv[1]](int(sys.argv[2]), IngestSettings())
    print(json.dumps(found))
