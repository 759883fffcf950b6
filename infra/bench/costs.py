"""What a million texts cost: measured rates times a list of prices, each with its source and date."""

import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from infra.bench.against_tables import workloads
from infra.bench.peers.known import RAW
from registry.errors import HyperMatchError

PRICES = Path(__file__).with_name("prices.toml")
SYMBOLS = {"USD": "$", "EUR": "€"}


@dataclass(frozen=True)
class Price:
    """What a machine costs by the hour."""

    name: str
    currency: str
    per_hour: float
    cores: int
    dated: date
    source: str

    def per_million(self, per_second_and_core: float, used_share: float) -> float:
        """Return the price of a million texts on machines used to `used_share` of what they can do.

        A core measured here counts as one of theirs.
        """
        return 1e6 / (3_600 * per_second_and_core * self.cores * used_share) * self.per_hour


def read_prices(file: Path = PRICES) -> list[Price]:
    """Read a price list; raises HyperMatchError naming what is wrong with it."""
    wanted = {each.name for each in fields(Price)}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))["price"]
        return [Price(**{name: row[name] for name in wanted}) for row in found]
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise HyperMatchError(f"{file} is no price list: {error}", f"each [[price]] has {', '.join(sorted(wanted))}"
                              ) from None


def rates(files: Sequence[Path]) -> list[tuple[str, float]]:
    """Return what was measured and its texts per second and core, from any file of the two benchmarks."""
    return [rate for file in files for rate in _rates_in(file)]


def table(measured: Sequence[tuple[str, float]], prices: Sequence[Price], used_share: float) -> list[str]:
    """Return a table of what a million texts cost, and where the prices come from."""
    lines = ["| measured | texts/s and core | " + " | ".join(price.name for price in prices) + " |",
             "| --- " * (len(prices) + 2) + "|"]
    for name, rate in measured:
        costs = [f"{SYMBOLS.get(price.currency, price.currency)}{price.per_million(rate, used_share):.3g}"
                 for price in prices]
        lines.append(f"| {name} | {rate:,.0f} | " + " | ".join(costs) + " |")
    told = [f"{price.name}: {price.per_hour} {price.currency} an hour, {price.dated}, {price.source}"
            for price in prices]
    return [*lines, "", f"Prices of a million, at {100 * used_share:.0f} % of the measured rate, a core here counted "
            "as one there. " + "; ".join(told) + "."]


def _rates_in(file: Path) -> Iterator[tuple[str, float]]:
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
        if "cells" in found:
            yield from _served(found)
        elif "groups" in found:
            for group in found["groups"]:
                yield f"banked by {group['consumers']} consumers", group["rows_per_second"] / found["cores"]
        else:
            yield "banked from Kafka", found["rows_per_second"] / found["cores"]
    except (ValueError, KeyError, TypeError):
        raise HyperMatchError(f"{file} holds no rates", "give files that `bench serving --against` or `bench ingest` "
                              "wrote with --json") from None


def _served(found: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield every server on the first workload, and ours on all others."""
    for number, (title, cells) in enumerate(workloads(found["cells"])):
        for cell in cells:
            if cell["server"] != RAW and (number == 0 or cell["server"] == cells[0]["server"]):
                cores = found["conditions"]["cores"]
                yield f"{cell['server']}, {_on(cores)}: {title}", cell["capacity"]["texts_per_second"] / cores


def _on(cores: int) -> str:
    return "1 core" if cores == 1 else f"{cores} cores"
