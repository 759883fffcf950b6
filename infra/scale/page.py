"""Writes the plan as tables: for a terminal, for programs, and into docs/scale.md between its marks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.bench.costs import SYMBOLS, Price
from infra.pages import marks, renew
from infra.scale.constants import Constant
from infra.scale.limits import Limit, broken, limits
from infra.scale.plan import DAYS_PER_MONTH, Plan

NAME = "scale"
BEGIN, END = marks(NAME)
ASKED = {"texts_per_month": "texts a month", "requests_per_second": "requests a second at the busiest moment",
         "tasks": "tasks", "encoder": "encoder", "chars_per_text": "characters a text", "bank_days": "days in the bank"}


def document(plan: Plan, prices: Sequence[Price]) -> dict[str, Any]:
    """Return everything for programs; the limit that breaks first is the first one."""
    found = limits(plan)
    return {"demand": asdict(plan.demand), "needs": [asdict(need) for need in plan.needs()],
            "limits": [asdict(limit) | {"headroom": round(limit.headroom, 4)} for limit in found],
            "costs": [dict(zip(("machine", "held_for_the_peak", "following_the_load", "ingest_and_trainers"), row,
                               strict=True)) for row in costs(plan, prices)]}


def markdown(plan: Plan, constants: Mapping[str, Constant], prices: Sequence[Price]) -> str:
    """Return the generated part of docs/scale.md."""
    found = limits(plan)
    return "\n\n".join([_asked(plan), "\n".join(_needs(plan)), verdict(found), "\n".join(_limits(found)),
                        "\n".join(_costs(plan, prices)), "\n".join(_constants(constants))]) + "\n"


def write(page: Path, text: str) -> None:
    """Renew what stands between the marks of a page; raises HyperMatchError if it has none."""
    renew(page, NAME, text)


def verdict(found: Sequence[Limit]) -> str:
    """Say what breaks first and what to do."""
    first = found[0]
    where = f"it needs {number(first.need)} {first.unit}".rstrip() + f" where there are {number(first.limit)}"
    return (f"**What breaks first: {first.about}**: {where}. Then {first.what_happens}. "
            f"What to do: {first.what_to_do}. {len(broken(found))} of {len(found)} limits do not bear this load.")


def costs(plan: Plan, prices: Sequence[Price]) -> Iterator[tuple[str, ...]]:
    """Yield what serving costs a month, held for the peak and following the load, and the rest; without a GPU."""
    hours, asked = DAYS_PER_MONTH * 24, plan.demand
    for price in prices:
        core_hour, symbol = price.per_hour / price.cores, SYMBOLS.get(price.currency, price.currency)
        following = price.per_million(1_000 / plan.text_ms, asked.used_share) * asked.texts_per_month / 1e6
        rest = (2 * plan.n_ingest + plan.n_trainers) * hours * core_hour
        yield (price.name, *(f"{symbol}{value:,.0f}" for value in
                             (plan.serving_cores * hours * core_hour, following, rest)))


def number(value: float) -> str:
    """Write three figures of small numbers, and whole large ones."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _asked(plan: Plan) -> str:
    values = asdict(plan.demand)
    told = ", ".join(f"{about}: {number(values[name]) if name != 'encoder' else values[name]}"
                     for name, about in ASKED.items())
    held = plan.demand.peak_texts_per_second / plan.demand.mean_texts_per_second
    return f"Asked: {told}. The busiest moment is {number(held)} times the mean."


def _needs(plan: Plan) -> Iterator[str]:
    yield from ("| part | what | needed | how |", "| --- | --- | --- | --- |")
    for need in plan.needs():
        yield f"| {need.part} | {need.about} | {number(need.value)} {need.unit} | {need.how} |".replace("  |", " |")


def _limits(found: Sequence[Limit]) -> Iterator[str]:
    yield from ("| limit | needed | there is | over needed | what happens | what to do |", "| --- " * 6 + "|")
    for each in found:
        yield (f"| {each.about} | {number(each.need)} {each.unit} | {number(each.limit)} {each.unit} | "
               f"{number(each.headroom)} | {each.what_happens} | {each.what_to_do} |").replace("  |", " |")


def _costs(plan: Plan, prices: Sequence[Price]) -> Iterator[str]:
    yield ("| a month on | serving, held for the busiest moment | serving, following the load "
           "| ingest and trainers |")
    yield "| --- " * 4 + "|"
    for row in costs(plan, prices):
        yield f"| {' | '.join(row)} |"
    yield ""
    yield ("A core here counted as one there; without storage, traffic, Kafka and PostgreSQL. "
           + "; ".join(f"{price.name}: {price.per_hour} {price.currency} an hour, {price.dated}, {price.source}"
                       for price in prices) + ".")


def _constants(constants: Mapping[str, Constant]) -> Iterator[str]:
    yield from ("| constant | value | what it is | where it is from |", "| --- " * 4 + "|")
    for each in constants.values():
        yield f"| `{each.name}` | {each.value:,g} {each.unit} | {each.about} | {each.source} |".replace("  |", " |")
