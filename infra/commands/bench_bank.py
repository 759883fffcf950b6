"""`hypermatch bench bank`: upkeep of a large bank while rows are appended, and reading one window of it."""

import json
from pathlib import Path

import click


@click.command("bank")
@click.option("--rows", default=10_000_000, show_default=True, type=click.IntRange(min=600_000),
              help="Ten million take about 1.5 GB of disk while it runs.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1, 3_000), help="That the rows lie in.")
@click.option("--append-rate", default=20_000, show_default=True, type=click.IntRange(min=1_000),
              help="Rows a second of the writer.")
@click.option("--window", default=2_000, show_default=True, type=click.IntRange(min=1), help="Texts of one window.")
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(min=1),
              help="That the writer is measured alone.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(rows: int, days: int, window: int, append_rate: int, seconds: float, json_file: Path | None) -> None:
    """Compact, let old days go and vacuum while another process goes on appending."""
    from infra.bench.bank import measure

    found = measure(rows, days, window, append_rate, seconds)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    click.echo(json.dumps(found, indent=2))
