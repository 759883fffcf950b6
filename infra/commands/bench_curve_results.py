"""`hypermatch bench curve-results`: write the figures of docs/curve.md from measured ones."""

from pathlib import Path

import click


@click.command("curve-results")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--docs", default="docs", show_default=True, type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path, docs: Path) -> None:
    """Renew the table and plot of curve.md from what `bench curve --json` left in FOLDER."""
    from infra.bench.curve_results import write

    click.echo(f"{len(write(folder, docs))} data sets in {docs / 'curve.md'}")
