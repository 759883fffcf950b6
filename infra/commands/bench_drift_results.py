"""`hypermatch bench drift-results`: write docs/drift.md from measured figures."""

from pathlib import Path

import click


@click.command("drift-results")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--docs", default="docs", show_default=True, type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path, docs: Path) -> None:
    """Renew the tables and plots of drift.md from what `bench drift --json` left in FOLDER."""
    from infra.bench.drift_results import write

    click.echo(f"{len(write(folder, docs))} data sets in {docs / 'drift.md'}")
