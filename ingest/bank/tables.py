"""Opens the Delta table of a bank, or creates it, and names what went wrong."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import CommitProperties

from ingest.errors import BankError, DiskFull
from ingest.schema import CONFIGURATION, PARTITION_BY, SCHEMA

DECORATION = re.compile("\x1b\\[[0-9;]*m|↳")


def strings(column: str) -> pc.Expression:
    """Return a column as strings: deletions leave files of string views, which pyarrow cannot compare with one."""
    return pc.field(column).cast(pa.string())


def open_table(url: str, options: Mapping[str, str], version: int | None = None) -> DeltaTable | None:
    """Return the table at `version` (the newest if None); None for a bank that does not exist yet."""
    with mended(url):
        try:
            return DeltaTable(url, version=version, storage_options=dict(options) or None)
        except TableNotFoundError:
            return None
        except DeltaError as error:
            if version is None:
                raise
            raise BankError(f"the bank at {url} has no readable version {version}: {in_one_line(error)}",
                            "it may have been vacuumed; `hypermatch bank stats` names the newest") from error


def open_or_create(url: str, options: Mapping[str, str]) -> DeltaTable:
    """Return the newest table, an empty one if there is none; two processes may do so at once."""
    table = open_table(url, options)
    if table is not None:
        return table
    with mended(url):
        if "://" not in url:
            Path(url).mkdir(parents=True, exist_ok=True)
        try:
            return DeltaTable.create(url, SCHEMA, mode="ignore", partition_by=PARTITION_BY,
                                     configuration=CONFIGURATION, storage_options=dict(options) or None,
                                     commit_properties=CommitProperties())
        except DeltaError:
            created = open_table(url, options)             # by another process, which came first
            if created is None:
                raise
            return created


@contextmanager
def mended(url: str) -> Iterator[None]:
    """Raise what Delta Lake and the file system say as an error that tells what to do."""
    try:
        yield
    except (OSError, DeltaError) as error:
        if "No space left" in str(error) or "StorageFull" in str(error):
            raise DiskFull(f"no space left for the bank at {url}; nothing of this commit is visible",
                           "free space, `hypermatch bank vacuum` may help, then start again") from error
        raise BankError(f"the bank at {url} cannot be used: {in_one_line(error)}",
                        "check HYPERMATCH_INGEST_BANK, its access rights and HYPERMATCH_INGEST_BANK_OPTIONS") from error


def in_one_line(error: Exception) -> str:
    """Return what went wrong and, where causes are listed below it, the innermost of them."""
    lines = [DECORATION.sub("", line).strip() for line in str(error).splitlines()]
    said = [line for line in lines if line] or [type(error).__name__]
    return said[0] if len(said) == 1 else f"{said[0]}: {said[-1]}"[:500]
