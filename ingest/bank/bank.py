"""The face of the data bank: append, read at a version, forget, upkeep."""

import threading
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from ingest.bank import commits, reader, upkeep, writer
from ingest.bank.offsets import all_offsets
from ingest.bank.tables import open_table

Place = tuple[str, int]                        # topic and partition


class DataBank:
    """Rows and the offsets they were read up to, in one Delta table.

    Every method reads the newest bank version unless given one. Any number of
    processes may append at once; see `append` for what they are promised.
    """

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        self.url, self.options = str(url), dict(options or {})
        self._table: DeltaTable | None = None          # kept open between appends
        self._appending = threading.Lock()

    @property
    def version(self) -> int | None:
        """The newest bank version; None for a bank that nothing was banked in."""
        table = open_table(self.url, self.options)
        return None if table is None else table.version()

    def append(self, rows: pa.Table, offsets: Mapping[Place, int],
               believed: Mapping[Place, int | None] | None = None) -> int:
        """Bank `rows` and the next offset of each partition in one commit; return the bank version.

        `believed` is where the caller knows the bank to stand. If another writer moved
        one of these partitions meanwhile, before or during the commit, StaleWriter is
        raised and nothing is banked: of two consumers that hold the same messages
        exactly one banks them.
        """
        with self._appending:
            kept, self._table = self._table, None                  # whatever fails, the next append opens the bank anew
            table = writer.brought_up(kept, self.url, self.options)
            version = writer.append(table, self.url, rows, offsets, believed)
            self._table = table
            return version

    def offset(self, topic: str, partition: int) -> int | None:
        """Return the offset to read next; None if this partition was never banked."""
        table = open_table(self.url, self.options)
        return None if table is None else table.transaction_version(writer.app_id((topic, partition)))

    def offsets(self, version: int | None = None) -> dict[Place, int]:
        """Return the offset to read next of every partition banked up to then."""
        table = self._at(version)
        return {} if table is None else all_offsets(table, self.options)

    def texts(self, task: str | None, version: int | None = None, limit: int | None = None) -> pa.Table:
        """Return the distinct texts of `task` (or of none), newest first: text, text_hash, source, at."""
        return reader.texts(self._at(version), task, limit)

    def predictions(self, task: str, version: int | None = None, limit: int | None = None) -> pa.Table:
        """Return what was predicted for `task`, newest first."""
        return reader.predictions(self._at(version), task, limit)

    def rows(self, version: int | None = None, limit: int | None = None) -> pa.Table:
        """Return rows as they lie in the bank, newest first."""
        return reader.rows(self._at(version), limit)

    def n_texts(self, task: str | None, since_version: int | None = None, version: int | None = None) -> int:
        """Count the rows of `task` (or of none) banked after bank version `since_version`."""
        return reader.n_texts(self._at(version), task, reader.committed_at(self._at(None), since_version))

    def committed_at(self, version: int) -> datetime | None:
        """Return a moment that no row of bank version `version` was banked after; None if it holds no row."""
        return reader.committed_at(self._at(None), version)

    def files(self, version: int | None = None) -> list[commits.DataFile]:
        """Return the files that hold rows, in the order these were banked, without reading them."""
        return commits.data_files(self._at(version))

    def read_file(self, path: str, task: str | None, columns: list[str]) -> pa.Table:
        """Return the rows of one file that are of `task` (None: of any) or of none.

        Raises FileNotFoundError if it was vacuumed.
        """
        table = self._at(None)
        if table is None:
            raise FileNotFoundError(path)
        return commits.read_file(table, self.options, path, task, columns)

    def keys_of(self, day: Any) -> np.ndarray:
        """Return the duplicate keys of the rows banked on `day`, (n, 2) uint64."""
        return reader.keys_of(self._at(None), day)

    def stats(self) -> dict[str, Any]:
        """Return counts by kind, task and day, bytes, files and the newest version."""
        return reader.stats(self._at(None))

    def forget(self, subject: str) -> upkeep.Forgotten:
        """Erase the rows of `subject` and the bytes that held them; bank versions before this one become unreadable."""
        return upkeep.forget(self.url, self.options, subject)

    def compact(self, report: upkeep.Report = lambda *_: None) -> upkeep.Compacted:
        """Drop duplicates that concurrent writers let in, and merge small files, day by day."""
        return upkeep.compact(self.url, self.options, report)

    def retain(self, since: date) -> upkeep.Retained:
        """Let go of all days before `since`; their bytes go with the next `vacuum`."""
        return upkeep.retain(self.url, self.options, since)

    def vacuum(self, older_than: timedelta) -> int:
        """Delete files that no bank version younger than `older_than` needs; return how many."""
        return upkeep.vacuum(self.url, self.options, older_than)

    def _at(self, version: int | None) -> Any:
        return open_table(self.url, self.options, version)
