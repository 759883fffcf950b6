"""`hypermatch bench bank`: upkeep of a large bank while rows are appended, and reading one window of it."""

import json
from pathlib import Path

import click


@click.command("bank")
@click.option("--rows", default=10_000_000, show_default=True, type=click.IntRange(min=600_000),
              help="Rows over 30 days; ten million take about 1.5 GB of disk while it runs.")
@click.option("--window", default=2_000, show_default=True, type=click.IntRange(min=1), help="Texts of one window.")
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(min=1),
              help="That the writer is measured alone.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(rows: int, window: int, seconds: float, json_file: Path | None) -> None:
    """Compact, let old days go and vacuum while another process appends without a pause."""
    from infra.bench.bank import measure

    found = measure(rows, window, seconds)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    click.echo(json.dumps(found, indent=2))
