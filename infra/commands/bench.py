"""`hypermatch bench`: measure this machine."""

import click

from infra.commands import bench_ingest, bench_serving


@click.group("bench")
def command() -> None:
    """Measure this machine: each figure is a ratio to a bare peer in the same run."""


command.add_command(bench_ingest.command)
command.add_command(bench_serving.command)
