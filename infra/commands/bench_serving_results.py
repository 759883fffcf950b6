"""`hypermatch bench serving-results`: write the peers' part of docs/benchmarks.md from measured figures."""

from pathlib import Path

import click


@click.command("serving-results")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--busy", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Figures of the same kind, measured while others used the cores: only CPU time is told of them.")
@click.option("--ingest", "ingest_files", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What `bench ingest --json` wrote, for the table of costs.")
@click.option("--docs", default="docs", show_default=True, type=click.Path(file_okay=False, path_type=Path))
def command(files: tuple[Path, ...], busy: tuple[Path, ...], ingest_files: tuple[Path, ...],
            docs: Path) -> None:
    """Renew tables, plots and costs from FILES that `bench serving --against --json` left."""
    from infra.bench.against_results import write

    click.echo(f"{write(files, busy, ingest_files, docs)} cells in {docs / 'benchmarks.md'}")
