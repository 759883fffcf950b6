"""`hypermatch bench results`: docs/results.md from measured figures."""

from pathlib import Path

import click


@click.command("results")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--docs", default="docs", show_default=True, type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path, docs: Path) -> None:
    """Write results.md and a plot per data set from the JSON files in FOLDER."""
    from infra.bench.results import write

    for each in write(folder, docs):
        click.echo(f"{each['data']:28} multipliers {each['multipliers'].get('hypermatch')}")
