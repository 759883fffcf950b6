"""Follows traced messages to the commit that banks them; used only where tracing is on."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from kafka.record.util import decode_varint

from ingest.raw import Place
from registry.telemetry.tracing import Tracing

MAX_WAITING = 200_000                          # traced messages of one partition that are read and not banked
KEY = b"traceparent"
MARK = bytes([2 * len(KEY)]) + KEY             # as a record holds it: its length as a varint, then the key


class TracedMessages:
    """Remembers which messages carry a trace until they are banked, then tells their traces."""

    def __init__(self, tracing: Tracing) -> None:
        self.tracing = tracing
        self.lock = threading.Lock()           # read on the poll loop's thread, banked on the executor's
        self.waiting: dict[Place, dict[int, str]] = defaultdict(dict)

    def note(self, place: Place, batch: Any) -> None:
        """Remember the traces of a record batch that was unpacked."""
        found = traceparents(batch)
        with self.lock:
            if len(self.waiting[place]) > MAX_WAITING:
                self.waiting[place].clear()
            self.waiting[place].update(found)

    def banked(self, next_offsets: Mapping[Place, int], seconds: float, n_rows: int) -> None:
        """Tell each trace that its messages were banked by a commit that took this long and ended now."""
        parents = []
        with self.lock:
            for place, next_offset in next_offsets.items():
                waiting = self.waiting[place]
                parents += [waiting.pop(offset) for offset in [each for each in waiting if each < next_offset]]
        self.tracing.happened("bank commit", seconds, parents, {
            "messaging.system": "kafka", "messaging.operation.type": "process", "hypermatch.rows": n_rows})

    def close(self) -> None:
        self.tracing.close()


def traceparents(batch: Any) -> dict[int, str]:
    """Return the `traceparent` of each record that has one, by offset; most batches have none and cost one search."""
    if batch.magic < 2 or batch.is_control_batch:
        return {}
    batch._maybe_uncompress()
    content = bytes(batch._buffer)
    if content.find(MARK, batch._pos) < 0:
        return {}
    found, pos = {}, batch._pos
    for _ in range(batch.records_count):
        length, pos = decode_varint(content, pos)
        delta, parent = _record(content, pos)
        if parent:
            found[batch.base_offset + delta] = parent
        pos += length
    return found


def _record(content: bytes, pos: int) -> tuple[int, str]:
    """Return the offset delta and the `traceparent` of the record whose attributes are at `pos`."""
    _, pos = decode_varint(content, pos + 1)   # the timestamp
    delta, pos = decode_varint(content, pos)
    for _ in ("key", "value"):
        n_bytes, pos = decode_varint(content, pos)
        pos += max(n_bytes, 0)
    n_headers, pos = decode_varint(content, pos)
    for _ in range(n_headers):
        n_bytes, pos = decode_varint(content, pos)
        key, pos = content[pos:pos + n_bytes], pos + n_bytes
        n_bytes, pos = decode_varint(content, pos)
        value, pos = content[pos:pos + max(n_bytes, 0)], pos + max(n_bytes, 0)
        if key == KEY:
            return delta, value.decode("ascii", "replace")
    return delta, ""
