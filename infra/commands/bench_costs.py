"""`hypermatch bench costs`: what a million texts cost, from measured rates and a price list."""

from pathlib import Path

import click


@click.command("costs")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--prices", "prices_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="TOML with [[price]] of your own; the list that comes with HyperMatch if none is given.")
@click.option("--used", "used_percent", default=50, show_default=True, type=click.IntRange(1, 100),
              help="Percent of the measured rate that machines are run at.")
def command(files: tuple[Path, ...], prices_file: Path | None, used_percent: int) -> None:
    """Tell what FILES, written by `bench serving --against` or `bench ingest` with --json, cost per million texts."""
    from infra.bench.costs import PRICES, rates, read_prices, table

    click.echo("\n".join(table(rates(files), read_prices(prices_file or PRICES), used_percent / 100)))
