"""Reads labeled files and prints small tables."""

import csv
import json
from pathlib import Path
from typing import Any

import click

from registry.errors import HyperMatchError


class UnreadableFile(HyperMatchError):
    """A given file that cannot be read as what it should be."""


def read_column(file: Path, column: str) -> list[str]:
    """Return one column of a CSV, JSONL or Parquet file as texts; raises UnreadableFile with file and row."""
    try:
        values = _READERS[file.suffix.lower()](file, column)
    except KeyError as error:
        if str(error.args[0]) != column:
            raise UnreadableFile(f"{file.name} is not CSV, JSONL or Parquet", "rename it by what it holds") from None
        raise UnreadableFile(f"{file.name} has no column {column!r}") from None
    except (ValueError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(f"{file.name} cannot be read: {error}") from error
    for number, value in enumerate(values, start=1):
        if not isinstance(value, str):
            raise UnreadableFile(f"{file.name}: row {number}: {column} is {value!r}, not text")
    return values


def echo_table(header: list[str], rows: list[list[Any]]) -> None:
    """Print rows below a header, each column as wide as it must be."""
    cells = [header, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _read_csv(file: Path, column: str) -> list[str]:
    with file.open(newline="", encoding="utf-8-sig") as lines:
        return [row[column] for row in csv.DictReader(lines)]


def _read_jsonl(file: Path, column: str) -> list[str]:
    return [json.loads(line)[column] for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _read_parquet(file: Path, column: str) -> list[str]:
    import pyarrow.parquet as pq

    if column not in pq.read_schema(file).names:
        raise KeyError(column)
    return pq.read_table(file, columns=[column]).column(column).to_pylist()


_READERS = {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
