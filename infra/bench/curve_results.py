"""Writes the figures of docs/curve.md and their plot from what `hypermatch bench curve` left."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from infra.bench.curve_results_plot import foretold
from infra.pages import renew
from registry.errors import HyperMatchError

PLOT = "curve_foretold.svg"

Cell = dict[str, Any]


def write(folder: Path, docs: Path) -> list[dict[str, Any]]:
    """Renew the figures between the marks of curve.md and the plot; return the figures."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    if not found:
        raise HyperMatchError(f"{folder} holds no figures", "run `hypermatch bench curve --data F --json FILE` first")
    plots = docs / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    (plots / PLOT).write_text(foretold(by_size(found)), encoding="utf-8")
    renew(docs / "curve.md", "figures", _table(found))
    return found


def by_size(found: Sequence[dict[str, Any]]) -> dict[int, list[Cell]]:
    """Return the cells of all sets by the labels per class that they foretell."""
    sizes = sorted({cell["per_class"] for each in found for cell in each["cells"]})
    return {size: [cell for each in found for cell in each["cells"] if cell["per_class"] == size] for size in sizes}


def _table(found: Sequence[dict[str, Any]]) -> str:
    sizes = list(by_size(found))
    lines = ["| set | encoder | classes | teams | " + " | ".join(
        f"error at {size} | bias | in the band | its width | as if no more came" for size in sizes) + " |",
        "| --- " * (4 + 5 * len(sizes)) + "|"]
    for each in found:
        teams = len({cell["draw"] for cell in each["cells"]})
        lines.append(f"| {each['data']} | {each['encoder']} | {each['n_classes']} | {teams} | "
                     + " | ".join(_told(cells_of([each], size)) for size in sizes) + " |")
    lines.append("| **all** | | | | " + " | ".join(_told(cells, is_bold=True) for cells in by_size(found).values())
                 + " |")
    cells = [cell for each in found for cell in each["cells"]]
    return "\n".join([*lines, "", f"All {len(cells)} cells: mean absolute error **{100 * _error(cells):.2f}** points, "
                      f"**{_held(cells):.0%}** in the 80 % band.", "", f"![foretold](plots/{PLOT})", ""])


def cells_of(found: Sequence[dict[str, Any]], size: int) -> list[Cell]:
    return by_size(found).get(size, [])


def _told(cells: Sequence[Cell], is_bold: bool = False) -> str:
    """Say error, bias, share in the band, its width, and the error of the last score, all but one in points."""
    if not cells:
        return " | ".join(["-"] * 5)
    bias = mean([cell["predicted"] - cell["accuracy"] for cell in cells])
    width = mean([cell["high"] - cell["low"] for cell in cells])
    stays = mean([abs(max(cell["measured"])[1] - cell["accuracy"]) for cell in cells])      # that of all labels
    told = [f"{100 * _error(cells):.2f}", f"{100 * bias:+.2f}", f"{_held(cells):.0%}", f"{100 * width:.1f}",
            f"{100 * stays:.2f}"]
    return " | ".join([*(f"**{each}**" if is_bold else each for each in told[:1]), *told[1:]])


def _error(cells: Sequence[Cell]) -> float:
    return mean([abs(cell["predicted"] - cell["accuracy"]) for cell in cells])


def _held(cells: Sequence[Cell]) -> float:
    return mean([cell["low"] <= cell["accuracy"] <= cell["high"] for cell in cells])
