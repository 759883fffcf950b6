"""Banks CSV, JSONL and Parquet files by the rules that messages keep."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from pydantic import ValidationError
from tqdm import tqdm

from ingest.bank import DataBank
from ingest.decode import UnreadableMessage, decode_one, TEXTS, reason
from ingest.duplicates import SeenTexts, keys
from ingest.errors import UnreadableFile
from ingest.masking import Masker
from ingest.prepare import clean, keep, moments, same, table
from ingest.normalization import hash_all
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
