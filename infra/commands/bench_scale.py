"""`hypermatch bench scale`: what `hypermatch scale` counts with."""

import json
from pathlib import Path

import click


@click.command("scale")
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(20_000), help="Rows of the bank.")
@click.option("--tasks", default=200, show_default=True, type=click.IntRange(8, 10_000))
@click.option("--chars", default=60, show_default=True, type=click.IntRange(1, 10_000), help="Characters of a text.")
@click.option("--files", default=3_660, show_default=True, type=click.IntRange(90), help="Files of the bank that a "
              "tick counts in.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(rows: int, tasks: int, chars: int, files: int, json_file: Path | None) -> None:
    """Fill a throw-away bank and a throw-away registry (PostgreSQL, if it is installed), and read both."""
    import tempfile

    from infra.bench.scale import measure_bank, measure_looks
    from infra.bench.scale_tick import measure_counts, measure_tick
    from infra.postgres import running, servers_folder
    from registry.database import migrate, open_database

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        found = {"bank": measure_bank(folder / "bank", rows, tasks, chars),
                 "bank of longer texts": measure_bank(folder / "long", rows // 20, tasks, 4 * chars),
                 "bank of small files": measure_bank(folder / "small", 150_000, tasks, chars, batch_rows=1_000),
                 "counts of a tick": measure_counts(folder / "counts", files, tasks, chars)}
        if servers_folder() is None:
            raise click.ClickException("PostgreSQL is not installed; install its server programs (initdb, pg_ctl)")
        with running(folder / "postgres") as url:
            migrate(url)
            engine = open_database(url)
            found["looks"] = measure_looks(engine, tasks)
            found["tick"] = measure_tick(engine, folder)
            engine.dispose()
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    click.echo(json.dumps(found, indent=1))
