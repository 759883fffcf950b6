"""Banks CSV, JSONL and Parquet files by the rules that messages keep."""

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError
from tqdm import tqdm

from ingest.bank import DataBank
from ingest.duplicates import SeenTexts, keys
from ingest.errors import UnreadableFile
from ingest.masking import Masker
from ingest.normalization import hash_all
from ingest.prepare import clean, keep, moments, same, table
from ingest.settings import IngestSettings
from registry.events import TextReceived

BLOCK_ROWS = 20_000


@dataclass(frozen=True)
class Origin:
    """Which column holds the text, and what is said of rows that do not say it themselves."""

    text_column: str
    task: str | None
    source: str


@dataclass
class Outcome:
    """What became of the rows of a file."""

    n_banked: int = 0
    n_duplicates: int = 0
    n_masked: int = 0
    n_unreadable: int = 0
    n_before: int = 0


def bank_file(bank: DataBank, file: Path, origin: Origin, settings: IngestSettings,
              now: Callable[[], datetime]) -> Outcome:
    """Bank every row of `file`; what an earlier run of the same file and origin banked is skipped.

    The bank holds how many rows of this content it has, in the commit of the rows: a
    run that was killed is taken up where it ended.
    """
    place = (f"file/{digest(file, origin)}", 0)
    believed, seen, outcome = bank.offset(*place), SeenTexts(settings.remembered_texts), Outcome()
    masker = Masker(settings.regions) if settings.is_masked else None
    n = 0
    with tqdm(total=file.stat().st_size, unit="B", unit_scale=True, disable=None, desc=file.name) as bar:
        for block, n_bytes in blocks(file):
            begin, n = n, n + len(block)
            bar.update(n_bytes)
            if believed is not None and n <= believed:
                outcome.n_before += len(block)
                continue
            believed = bank_block(bank, place, begin, block, believed, origin, masker, seen, outcome, now())
    return outcome


def bank_block(bank: DataBank, place: tuple[str, int], begin: int, block: list[Any], believed: int | None,
               origin: Origin, masker: Masker | None, seen: SeenTexts, outcome: Outcome, now: datetime) -> int:
    """Bank the rows of one block that are not banked yet; return how many rows of the file are."""
    skip = max((believed or 0) - begin, 0)
    outcome.n_before += skip
    events, numbers = readable(block[skip:], begin + skip, origin, outcome)
    rows, n_masked = rows_of(place, events, numbers, origin, masker, now)
    if seen.day != now.date():
        seen.start(now.date(), bank.keys_of(now.date()))
    found = keys(rows)
    is_fresh = seen.fresh(found)
    end = begin + len(block)
    bank.append(keep(rows, is_fresh), {place: end}, {place: believed})
    seen.add(found[is_fresh])
    outcome.n_banked += int(is_fresh.sum())
    outcome.n_duplicates += len(found) - int(is_fresh.sum())
    outcome.n_masked += n_masked
    return end


def readable(block: list[Any], begin: int, origin: Origin, outcome: Outcome) -> tuple[list[TextReceived], list[int]]:
    """Return the events of a block and their row numbers; rows that break the schema are counted."""
    events, numbers = [], []
    for number, fields in enumerate(block, begin):
        try:
            events.append(event_of(fields, number, origin))
            numbers.append(number)
        except (ValidationError, TypeError, AttributeError):
            outcome.n_unreadable += 1
    return events, numbers


def event_of(fields: Any, number: int, origin: Origin) -> TextReceived:
    """Return a row as the event it would have been; a row's own task and source go first."""
    given = {name: fields[name] for name in ("id", "subject", "at") if fields.get(name)}
    return TextReceived.model_validate({
        "id": f"row {number}", **given, "text": fields.get(origin.text_column),
        "task": fields.get("task") or origin.task, "source": fields.get("source") or origin.source})


def rows_of(place: tuple[str, int], events: list[TextReceived], numbers: list[int], origin: Origin,
            masker: Masker | None, now: datetime) -> tuple[pa.Table, int]:
    texts, n_masked = clean(pa.array([event.text for event in events], pa.string()), masker)
    n, nothing = len(events), pa.nulls(len(events))
    return table({
        "id": [event.id for event in events], "text": texts, "text_hash": hash_all(texts),
        "task": [event.task for event in events], "source": [event.source for event in events],
        "subject": [event.subject for event in events], "at": moments([event.at for event in events], now),
        "kind": same("text", n), "label": nothing, "confidence": nothing, "novelty": nothing,
        "model_version": nothing, "label_space": nothing,
        "topic": same(place[0], n), "partition": same(place[1], n), "offset": numbers,
    }, now), n_masked


def digest(file: Path, origin: Origin) -> str:
    """Return what stands for the content of `file` and how it is read."""
    with file.open("rb") as opened:
        content = hashlib.file_digest(opened, "sha256")
    content.update(repr(origin).encode())
    return content.hexdigest()[:32]


def blocks(file: Path) -> Iterator[tuple[list[Any], int]]:
    """Yield rows as dictionaries, a block at a time, with the bytes each took."""
    readers = {".csv": csv_blocks, ".jsonl": jsonl_blocks, ".ndjson": jsonl_blocks, ".parquet": parquet_blocks}
    read = readers.get(file.suffix.lower())
    if read is None:
        raise UnreadableFile(f"{file.name} is neither CSV, JSONL nor Parquet", "name it .csv, .jsonl or .parquet")
    try:
        yield from read(file)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{file.name} cannot be read: {str(error).splitlines()[0]}",
                             "rows before it are banked; mend the file and run again") from error


def csv_blocks(file: Path) -> Iterator[tuple[list[Any], int]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        while block := list(islice(reader, BLOCK_ROWS)):
            yield block, sum(len(str(row)) for row in block)


def jsonl_blocks(file: Path) -> Iterator[tuple[list[Any], int]]:
    with file.open("rb") as opened:
        while lines := list(islice(opened, BLOCK_ROWS)):
            yield [parsed(line) for line in lines if line.strip()], sum(map(len, lines))


def parsed(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None                            # counted as unreadable, like any row that breaks the schema


def parquet_blocks(file: Path) -> Iterator[tuple[list[Any], int]]:
    opened = pq.ParquetFile(file)
    for batch in opened.iter_batches(BLOCK_ROWS):
        yield batch.to_pylist(), batch.nbytes
