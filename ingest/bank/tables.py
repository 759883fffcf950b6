"""Opens the Delta table of a bank, or creates it, and names what went wrong."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import CommitProperties

from ingest.errors import BankError, DiskFull
from ingest.schema import CONFIGURATION, PARTITION_BY, SCHEMA


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
            raise BankError(f"the bank at {url} has no readable version {version}: {first_line(error)}",
                            "it may have been vacuumed; `hypermatch bank stats` names the newest") from error


def open_or_create(url: str, options: Mapping[str, str]) -> DeltaTable:
    """Return the newest table, an empty one if there is none; two processes may do so at once."""
    table = open_table(url, options)
    if table is not None:
        return table
    with mended(url):
        if "://" not in url:
            Path(url).mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(url, SCHEMA, mode="ignore", partition_by=PARTITION_BY, configuration=CONFIGURATION,
                                 storage_options=dict(options) or None, commit_properties=CommitProperties())


@contextmanager
def mended(url: str) -> Iterator[None]:
    """Raise what Delta Lake and the file system say as an error that tells what to do."""
    try:
        yield
    except (OSError, DeltaError) as error:
        if "No space left" in str(error) or "StorageFull" in str(error):
            raise DiskFull(f"no space left for the bank at {url}; nothing of this commit is visible",
                           "free space, `hypermatch bank vacuum` may help, then start again") from error
        raise BankError(f"the bank at {url} cannot be used: {first_line(error)}",
                        "check HYPERMATCH_INGEST_BANK and its access rights") from error


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
