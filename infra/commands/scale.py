"""`hypermatch scale`: what an installation of a given size needs, and what of it breaks first."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from infra.scale.demand import Demand

ABOUT = {
    "texts_per_month": "Texts that are banked.", "requests_per_second": "At the busiest moment.",
    "texts_per_request": "Texts of one request.", "tasks": "Tasks, each with a champion.",
    "encoder": "minilm: texts as short as BANKING77's; minilm-mixed: 8 to 128 tokens; subword.",
    "chars_per_text": "Characters of a text.", "bank_days": "Days that the bank keeps texts.",
    "topic_days": "Days that Kafka keeps them.", "topic_copies": "Replicas of each partition.",
    "used_share": "Share of the measured rate that machines are run at.", "cores_per_replica": "Of serving.",
    "runs_per_month": "Trainings of each task.", "looks_per_day": "Looks for drift at each task.",
    "poll_seconds": "HYPERMATCH_SERVING_POLL_SECONDS.",
    "flush_seconds": "HYPERMATCH_INGEST_FLUSH_SECONDS.",
    "compact_hours": "Between two `hypermatch bank compact`.",
    "gpu_texts_per_second": "Rate of one GPU that you measured; 0: answers on CPUs.",
}
ENCODERS = click.Choice(["minilm", "minilm-mixed", "subword"])
KINDS: dict[str, click.ParamType] = {
    "encoder": ENCODERS, "tasks": click.IntRange(1, 1_000_000), "topic_copies": click.IntRange(1, 10),
    "cores_per_replica": click.IntRange(1, 256), "used_share": click.FloatRange(0.01, 1),
    "gpu_texts_per_second": click.FloatRange(0), "runs_per_month": click.FloatRange(0),
    "looks_per_day": click.FloatRange(0),
}


def _demanded(command: Any) -> Any:
    """Give the command one option for each field of a demand."""
    for field in reversed(fields(Demand)):
        kind = KINDS.get(field.name, click.FloatRange(0, min_open=True))
        command = click.option(f"--{field.name.replace('_', '-')}", default=field.default, show_default=True, type=kind,
                               help=ABOUT[field.name])(command)
    return command


@click.command("scale")
@_demanded
@click.option("--prices", "prices_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="TOML with [[price]] of your own, as for `bench costs`.")
@click.option("--json", "is_json", is_flag=True, help="For programs.")
@click.option("--into", type=click.Path(dir_okay=False, path_type=Path), help="Renew the tables of this page.")
def command(prices_file: Path | None, is_json: bool, into: Path | None, **asked: Any) -> None:
    """Calculate storage, processes, cores, hours and money from what was measured, and name what breaks first."""
    from infra.bench.costs import PRICES, read_prices
    from infra.scale.constants import read_constants, values
    from infra.scale.page import document, markdown, write
    from infra.scale.plan import Plan

    constants, prices = read_constants(), read_prices(prices_file or PRICES)
    plan = Plan(Demand(**asked), values(constants))
    if is_json:
        click.echo(json.dumps(document(plan, prices), indent=1))
    elif into is not None:
        write(into, markdown(plan, constants, prices))
        click.echo(f"{into}: renewed")
    else:
        click.echo(markdown(plan, constants, prices))
