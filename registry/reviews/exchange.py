"""What all formats of the queue have in common: a text, the model's guess, and people's answers."""

from dataclasses import dataclass, field
from typing import Any

from registry.errors import Refused


@dataclass(frozen=True)
class Answered:
    """What one person said; no label means that they skipped it, no actor that the file does not name them."""

    actor: str | None
    label: str | None


@dataclass(frozen=True)
class Exchanged:
    """A text on its way out or back."""

    item_id: int | None
    text: str
    chosen: str = ""
    why: str = ""
    worth: float = 0.0
    guess: str | None = None
    confidence: float | None = None
    version_number: int | None = None
    answers: list[Answered] = field(default_factory=list)


def part(row: Any, number: int, *path: str | int, kind: type = dict) -> Any:
    """Return what lies under `path` of row `number` of a file; raises Refused naming what is missing or wrong."""
    found, way = row, ""
    for step in path:
        way += f"[{step}]" if isinstance(step, int) else f".{step}"
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            raise Refused(f"row {number} has no {way.lstrip('.')}", "see docs/review.md for the format") from None
    if not isinstance(found, kind):
        raise Refused(f"row {number}: {way.lstrip('.') or 'the row'} is {type(found).__name__}, not {kind.__name__}",
                      "see docs/review.md for the format")
    return found


def rows_of(document: Any) -> list[Any]:
    """Return the rows of a file, which is one JSON list."""
    if not isinstance(document, list):
        raise Refused(f"the file holds a {type(document).__name__}, not a list", "export it as JSON, not as JSON-MIN")
    return document
