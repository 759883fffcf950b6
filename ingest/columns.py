"""Reads batches of plain text events straight into columns; whatever is not plain is left to the decoder."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from ingest.decode import is_utf8
from ingest.raw import RawBatch
from registry.events import MAX_EVENT_TEXT_CHARS

MAX_NAME_CHARS = 200
MAX_NESTING = 100                              # the contract's own reader gives up at 200
MAX_BYTES = 2**28                              # of a batch, well below what 32-bit offsets reach
NAMES = ("id", "task", "source", "subject")
MOMENT = pa.timestamp("us", tz="UTC")
PARSE = pj.ParseOptions(unexpected_field_behavior="ignore", explicit_schema=pa.schema(
    [(name, pa.string()) for name in (*NAMES, "text", "at")]))

# The moments that every reader understands alike; others are left to the contract. RE2.
PLAIN_MOMENT = (r"^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?"
                r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$")


def read_columns(batch: RawBatch) -> pa.Table | None:
    """Return id, text, task, source, subject and at of all messages, at in UTC.

    None unless TextReceived reads every message, to the same values.
    """
    if not is_one_object_per_message(batch) or not is_utf8(batch.joined):
        return None
    options = pj.ReadOptions(use_threads=False, block_size=len(batch.joined) + 1)
    try:
        found = pj.read_json(pa.BufferReader(batch.joined), read_options=options, parse_options=PARSE)
        if len(found) != len(batch) or not is_within_contract(found):
            return None
        return found.set_column(found.schema.get_field_index("at"), "at", found["at"].cast(MOMENT))
    except pa.ArrowInvalid:
        return None


def is_one_object_per_message(batch: RawBatch) -> bool:
    """Say whether as many objects as messages can only mean one in each, and none nested too deeply.

    Messages that all begin with { and end with } share no object: one cut open before
    its end would have to go on with a comma or a brace, and no string holds the line
    feed between them.
    """
    if not 0 < len(batch.joined) <= MAX_BYTES or not len(batch):
        return False
    found = np.frombuffer(batch.joined, dtype=np.uint8)
    begins = np.concatenate([[0], batch.ends[:-1] + 1])
    is_framed = bool((found[begins] == ord("{")).all() and (found[batch.ends - 1] == ord("}")).all())
    return is_framed and deepest(batch, found, begins) <= MAX_NESTING


def deepest(batch: RawBatch, found: np.ndarray, begins: np.ndarray) -> int:
    """Return a bound on how deeply any message nests: how many brackets it opens, in strings too."""
    n_opened = batch.joined.count(b"{") + batch.joined.count(b"[")
    if n_opened - len(batch) < MAX_NESTING:
        return n_opened - len(batch) + 1
    opens = ((found == ord("{")) | (found == ord("["))).astype(np.uint32)
    return int(np.add.reduceat(opens, begins).max())


def is_within_contract(found: pa.Table) -> bool:
    """Say whether what JSON reads as strings keeps the lengths and the moments of the contract."""
    for column in found.columns:
        column.validate(full=True)             # no escaped half of a surrogate pair; raises ArrowInvalid
    is_full = found["id"].null_count == 0 and found["text"].null_count == 0
    return (is_full and has_lengths(found["text"], MAX_EVENT_TEXT_CHARS) and are_plain_moments(found["at"])
            and all(has_lengths(found[name], MAX_NAME_CHARS) for name in NAMES))


def has_lengths(column: pa.ChunkedArray, longest: int) -> bool:
    n_bytes = pc.min_max(pc.binary_length(column)).as_py()
    if n_bytes["max"] is None:                 # nothing but nulls
        return True
    return n_bytes["min"] > 0 and (n_bytes["max"] <= longest or pc.max(pc.utf8_length(column)).as_py() <= longest)


def are_plain_moments(column: pa.ChunkedArray) -> bool:
    return pc.all(pc.match_substring_regex(column, PLAIN_MOMENT)).as_py() is not False
