"""Writes the serving benchmark's tables, plots and costs into docs/benchmarks.md, between two marks."""

import json
from collections.abc import Sequence
from pathlib import Path

from infra.bench.against_plot import latency_plot
from infra.bench.against_tables import Cell, points, tables, workloads
from infra.bench.costs import rates, read_prices, table
from registry.errors import HyperMatchError

BEGIN, END = "<!-- peers -->\n", "<!-- end of peers -->"


def write(file: Path, ingest: Sequence[Path], docs: Path, used_share: float = 0.5) -> list[Cell]:
    """Renew what stands between the marks of benchmarks.md, and one plot for each list size; return the cells."""
    try:
        cells: list[Cell] = json.loads(file.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError, TypeError):
        raise HyperMatchError(f"{file} holds no figures", "give what `bench serving --against` wrote with --json"
                              ) from None
    page = docs / "benchmarks.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    drawn = draw(cells, docs / "plots")
    costs = table(rates([file, *ingest]), read_prices(), used_share)
    text = "\n".join([*tables(cells), "", *drawn, "### Costs", "", *costs, ""])
    page.write_text(before + BEGIN + text + END + rest.split(END)[1], encoding="utf-8")
    return cells


def draw(cells: Sequence[Cell], folder: Path) -> list[str]:
    """Draw each list size at its middle number of connections on texts of mixed length."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for title, group in workloads(cells):
        served = {cell["server"]: points(cell) for cell in group if cell["loads"] and points(cell)}
        if served and group[0]["length"] == "mixed" and group[0]["connections"] == 32:
            name = f"serving_{group[0]['texts']}.svg"
            (folder / name).write_text(latency_plot(title, served), encoding="utf-8")
            lines += [f"![p99 over texts/s: {title}](plots/{name})", ""]
    return lines
