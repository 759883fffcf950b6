"""`hypermatch torture`: break an installation at random and check what must hold all the same."""

import json
import sys
from pathlib import Path

import click


@click.command("torture")
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(min=0.5, max=10_000))
@click.option("--seed", default=1, show_default=True, type=int, help="Draws the schedule; the same seed replays it.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the outcome here.")
@click.option("--logs", type=click.Path(file_okay=False, path_type=Path), help="Keep the logs of all parts here.")
def command(minutes: float, seed: int, json_file: Path | None, logs: Path | None) -> None:
    """Run Apache Kafka, PostgreSQL and all processes on this machine, break them under load, and check."""
    import signal

    from infra.torture.torture import torture

    signal.signal(signal.SIGTERM, signal.default_int_handler)        # told to end early, it still ends its processes
    outcome = torture(minutes, seed, click.echo, logs)
    if json_file is not None:
        json_file.write_text(json.dumps(outcome.to_dict(), indent=2) + "\n")
    if outcome.broken:
        click.echo(f"broken with seed {seed}: {', '.join(outcome.broken)}; replay it with `hypermatch torture "
                   f"--minutes {minutes:g} --seed {seed}`", err=True)
        sys.exit(1)
    click.echo(f"everything held for {minutes:g} minutes with seed {seed}")
