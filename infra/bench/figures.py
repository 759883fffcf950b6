"""Figures in a file that grows by one cell at a time: a measurement that was interrupted goes on where it was."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.errors import HyperMatchError


class Figures:
    """Cells measured under the same conditions; kept in `file`, if there is one, after every cell."""

    def __init__(self, file: Path | None, conditions: Mapping[str, Any]) -> None:
        self.file, self.conditions = file, dict(conditions)
        self.cells: list[dict[str, Any]] = []
        if file is not None and file.exists():
            self.cells = self._read(file)

    def has(self, key: Mapping[str, Any]) -> bool:
        return any(key.items() <= cell.items() for cell in self.cells)

    def add(self, cell: dict[str, Any]) -> None:
        """Keep a cell; whoever reads the file sees all of it or none."""
        self.cells.append(cell)
        if self.file is not None:
            partial = self.file.with_name(f".{self.file.name}.partial")
            partial.write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")
            partial.replace(self.file)

    def to_dict(self) -> dict[str, Any]:
        return {"conditions": self.conditions, "cells": self.cells}

    def _read(self, file: Path) -> list[dict[str, Any]]:
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            conditions, cells = found["conditions"], list(found["cells"])
        except (ValueError, KeyError, TypeError):
            raise HyperMatchError(f"{file} holds no figures of this benchmark", "name another --json file") from None
        changed = [name for name in self.conditions if conditions.get(name) != self.conditions[name]]
        if changed:
            name = changed[0]
            raise HyperMatchError(f"{file} was measured with {name} {conditions.get(name)}, "
                                  f"not {self.conditions[name]}", "name another --json file")
        return cells
