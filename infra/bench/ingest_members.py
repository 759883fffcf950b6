"""One member of the ingest benchmark's group, in a process of its own: polls its share bare, or banks it."""

import json
import select
import sys
import time
from datetime import UTC, datetime

from infra.bench.ingest_rounds import memory_mib, places
from ingest.connection import connect_consumer, quiet_client_log
from ingest.consumer import POLL_MS
from ingest.metrics import Metrics
from ingest.running import assembled
from ingest.settings import IngestSettings


def ceiling(settings: IngestSettings, number: int, n: int) -> None:
    """Poll this member's share of the partitions, throw away what comes, and tell how much it was."""
    consumer = connect_consumer(settings, group_id=None)
    mine = places(settings)[number::n]
    consumer.assign(mine)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(mine)
    wait_for_word()
    rows, begun = 0, time.time()
    while rows < sum(ends.values()):
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            rows += len(records)
    say(rows, begun)
    consumer.close()


def ingest(settings: IngestSettings, _number: int, _n: int) -> None:
    """Bank as one member of the group, and tell after every commit how much that was; until the parent is content."""
    with assembled(settings, Metrics(), lambda: datetime.now(UTC)) as ingest:
        wait_for_word()
        ingest.consumer.subscribe(settings.topics, listener=ingest)
        begun, banked, read = 0.0, 0, 0
        while not select.select([sys.stdin], [], [], 0)[0]:
            ingest.step()
            if not begun and ingest.consumer.assignment() and not ingest.must_start:
                begun = time.time()                   # partitions are ours, and nothing was read yet
            if ingest.n_read == read and ingest.buffer.n:
                ingest.hand_over()                    # nothing more comes: the last rows would wait for flush_seconds
            read = ingest.n_read
            if ingest.banking.n_banked_messages > banked and begun:
                banked = ingest.banking.n_banked_messages
                say(banked, begun)


def wait_for_word() -> None:
    print("up", flush=True)
    sys.stdin.readline()


def say(rows: int, begun: float) -> None:
    print(json.dumps({"rows": rows, "begun": begun, "ended": time.time(), "memory_mib": memory_mib()}), flush=True)


if __name__ == "__main__":
    quiet_client_log()
    {"ceiling": ceiling, "ingest": ingest}[sys.argv[1]](IngestSettings(), int(sys.argv[2]), int(sys.argv[3]))
