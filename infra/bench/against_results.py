"""Writes the serving benchmark's tables, plots and costs into docs/benchmarks.md, between two marks."""

import json
from collections.abc import Sequence
from pathlib import Path

from infra.bench.against_plot import latency_plot
from infra.bench.against_tables import Cell, cpu_table, points, ratios, tables, workloads
from infra.bench.costs import rates, read_prices, table
from infra.pages import renew
from registry.errors import HyperMatchError

DRAWN_CONNECTIONS = (8, 32)


def write(files: Sequence[Path], busy: Sequence[Path], ingest: Sequence[Path], docs: Path,
          used_share: float = 0.5) -> int:
    """Renew what stands between the marks of benchmarks.md, and the plots; return how many cells there are.

    Of figures in `busy`, measured while others had the cores too, only the CPU time is told.
    """
    n_cells, lines = 0, list[str]()
    for file in files:
        cells, cores = read_cells(file)
        n_cells += len(cells)
        lines += [f"### Beside its peers on {_on(cores)}", "",
                  *ratios(cells), "", *draw(cells, docs / "plots", cores), *tables(cells)]
    for file in busy:
        cells, cores = read_cells(file)
        n_cells += len(cells)
        lines += [f"### CPU time on {_on(cores)}, shared with other work", "", *cpu_table(cells), ""]
    costs = table(rates([*files, *ingest]), read_prices(), used_share)
    renew(docs / "benchmarks.md", "peers", "\n".join([*lines, "### Costs", "", *costs, ""]))
    return n_cells


def read_cells(file: Path) -> tuple[list[Cell], int]:
    """Return the cells of a file and how many cores each server had."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return list(found["cells"]), int(found["conditions"]["cores"])
    except (ValueError, KeyError, TypeError):
        raise HyperMatchError(f"{file} holds no figures", "give what `bench serving --against` wrote with --json"
                              ) from None


def draw(cells: Sequence[Cell], folder: Path, cores: int) -> list[str]:
    """Draw texts of mixed length over the usual numbers of connections."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for title, group in workloads(cells):
        served = {cell["server"]: points(cell) for cell in group if cell["loads"] and points(cell)}
        if served and group[0]["length"] == "mixed" and group[0]["connections"] in DRAWN_CONNECTIONS:
            name = f"serving_{cores}_{group[0]['texts']}x{group[0]['connections']}.svg"
            (folder / name).write_text(latency_plot(title, served), encoding="utf-8")
            lines += [f"![p99 over texts/s: {title}](plots/{name})", ""]
    return lines


def _on(cores: int) -> str:
    return "1 core" if cores == 1 else f"{cores} cores"
