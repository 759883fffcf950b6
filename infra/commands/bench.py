"""`hypermatch bench`: measure this machine."""

import click

from infra.commands import (
    bench_asking,
    bench_curve,
    bench_drift,
    bench_drift_results,
    bench_ingest,
    bench_learning,
    bench_results,
    bench_serving,
)


@click.group("bench")
def command() -> None:
    """Measure speed as a ratio to a bare peer in the same run, and what learning is worth."""


command.add_command(bench_asking.command)
command.add_command(bench_curve.command)
command.add_command(bench_drift.command)
command.add_command(bench_drift_results.command)
command.add_command(bench_ingest.command)
command.add_command(bench_learning.command)
command.add_command(bench_results.command)
command.add_command(bench_serving.command)
