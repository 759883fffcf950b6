"""`hypermatch bench console`: how long the console's pages take on a large registry."""

import json
from pathlib import Path

import click

LIMIT_MS = 300                                        # what a page may take


@click.command("console")
@click.option("--tasks", default=200, show_default=True, type=click.IntRange(8, 10_000))
@click.option("--versions", default=5_000, show_default=True, type=click.IntRange(8, 1_000_000), help="Of all tasks.")
@click.option("--entries", default=1_000_000, show_default=True, type=click.IntRange(100, 100_000_000),
              help="Of the audit log.")
@click.option("--rounds", default=15, show_default=True, type=click.IntRange(min=1))
@click.option("--url", help="An empty database to fill instead of a throw-away SQLite file, such as a PostgreSQL.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(tasks: int, versions: int, entries: int, rounds: int, url: str | None, json_file: Path | None) -> None:
    """Fill a throw-away registry as `demo seed-scale` does, and time each page: the median and the worst of N."""
    import tempfile

    from infra.bench.console import fill, measure, seconds_to_verify
    from infra.roots import utc_now
    from infra.tables import echo_table
    from registry.database import migrate, open_database

    with tempfile.TemporaryDirectory() as folder:
        url = url or f"sqlite:///{folder}/registry.db"
        migrate(url)
        engine = open_database(url)
        seconds = fill(engine, tasks, versions, entries, utc_now())
        found = {"tasks": tasks, "versions": versions, "entries": entries, "seed_seconds": round(seconds, 1),
                 **measure(engine, Path(folder), rounds), "verify_seconds": round(seconds_to_verify(engine), 1)}
        engine.dispose()
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    pages = sorted(found.pop("pages"), key=lambda page: -page["worst_ms"])
    echo_table(["page", "median ms", "worst ms"],
               [[page["page"], f"{page['median_ms']:.0f}", f"{page['worst_ms']:.0f}"] for page in pages])
    click.echo(json.dumps(found))
    slow = [page["page"] for page in pages if page["worst_ms"] > LIMIT_MS]
    click.echo(f"{len(pages)} pages, {len(slow)} over {LIMIT_MS} ms{': ' if slow else ''}{', '.join(slow)}")
