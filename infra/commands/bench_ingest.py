"""`hypermatch bench ingest`: rows per second into the bank, against a bare poll loop."""

import json
from pathlib import Path

import click

from infra.commands.listed import numbers

N_PARTITIONS = 4                                      # of the topic: a fifth consumer would have nothing to read


@click.command("ingest")
@click.option("--rows", type=click.IntRange(min=1_000),
              help="Messages to bank.  [default: 200000; 80000 on the embedded broker, which keeps few more]")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--broker", default="embedded", show_default=True, help="embedded, apache, or HOST:PORT.")
@click.option("--consumers", help="Numbers of consumers in one group, such as 1,2,4, each against as many bare loops; "
              "needs a broker whose topics have 4 partitions.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(rows: int | None, rounds: int, broker: str, consumers: str | None, json_file: Path | None) -> None:
    """Measure banking with schema check, masking and hashing on."""
    from infra.bench.ingest import measure
    from infra.bench.ingest_group import measure_groups

    rows = rows or (80_000 if broker == "embedded" else 200_000)
    if consumers is None:
        found = measure(rows, broker, rounds)
    else:
        found = measure_groups(rows, broker, numbers(consumers, "--consumers", most=N_PARTITIONS), rounds)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    for name, value in found.items():
        click.echo(f"{name:24} {value}")
