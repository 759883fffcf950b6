"""Texts that other people's language models wrote, brought in with where they came from."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from registry.text import normalize, text_hash
from trainer.language_model.backend import LanguageModelError
from trainer.language_model.hypermix import Written

REQUIRED = ("text", "label")


def import_generations(file: Path, labels: Sequence[str], *, task: str | None = None,
                       held_out_seeds: Collection[str] = ()) -> list[Written]:
    """Read a Parquet file of written texts as recorded generations, each label believed as given.

    `generator` and `seed_key` columns, where there are any, become the provenance; a column
    `seed_text` holds the text itself that a row was made from, so that a run can hold both
    back together. Rows of another `task`, of labels not in `labels`, and made from a seed text that is held out for
    judging are left out: a text and what was made of it stay on one side of every split.
    """
    table = _table(file)
    numbers = {label: number for number, label in enumerate(labels)}
    return [_written(row, numbers[row["label"]], len(labels), file.name) for row in table.to_pylist()
            if row["label"] in numbers and (task is None or row.get("task") == task)
            and row.get("seed_key") not in held_out_seeds and normalize(row["text"] or "")]


def seeds_of(file: Path, task: str | None = None) -> list[str]:
    """Return the seed keys of a file, so that a split can be drawn over them."""
    rows = _table(file).to_pylist()
    return sorted({row["seed_key"] for row in rows if row.get("seed_key") and task in (None, row.get("task"))})


def _table(file: Path) -> pa.Table:
    try:
        table = pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise LanguageModelError(f"{file} cannot be read as Parquet: {error}") from error
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise LanguageModelError(f"{file} has no column {missing[0]!r}",
                                 "written texts come as Parquet with text, label and, if known, generator, seed_key")
    return table


def _written(row: dict[str, str], number: int, n_classes: int, name: str) -> Written:
    probs = np.zeros(n_classes, np.float32)
    probs[number] = 1.0
    source = row.get("seed_text")
    seed = text_hash(normalize(source)) if source else row.get("seed_key")
    return Written(normalize(row["text"]), probs, "imported", row.get("generator") or name, name,
                   (seed,) if seed else ())
