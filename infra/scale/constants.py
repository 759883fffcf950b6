"""The constants that the calculation rests on, each with where it was measured."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("constants.toml")


@dataclass(frozen=True)
class Constant:
    """A number, and who says so."""

    name: str
    value: float
    unit: str
    about: str
    source: str                                       # where it was measured, or which line of ours sets it


def read_constants(file: Path = FILE) -> dict[str, Constant]:
    found = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: Constant(name, **row) for name, row in found.items()}


def values(constants: Mapping[str, Constant]) -> dict[str, float]:
    return {name: each.value for name, each in constants.items()}
