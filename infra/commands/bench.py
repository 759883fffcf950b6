"""`hypermatch bench`: measure this machine."""

import click

from infra.commands import (
    bench_asking,
    bench_augmentation,
    bench_bank,
    bench_console,
    bench_costs,
    bench_curve,
    bench_curve_results,
    bench_discovery,
    bench_drift,
    bench_drift_results,
    bench_flip,
    bench_ingest,
    bench_learning,
    bench_novelty,
    bench_results,
    bench_scale,
    bench_serving,
    bench_serving_results,
    bench_sets,
)


@click.group("bench")
def command() -> None:
    """Measure speed as a ratio to a bare peer in the same run, and what learning is worth."""


command.add_command(bench_asking.command)
command.add_command(bench_augmentation.command)
command.add_command(bench_bank.command)
command.add_command(bench_console.command)
command.add_command(bench_costs.command)
command.add_command(bench_curve.command)
command.add_command(bench_curve_results.command)
command.add_command(bench_discovery.command)
command.add_command(bench_drift.command)
command.add_command(bench_drift_results.command)
command.add_command(bench_flip.command)
command.add_command(bench_ingest.command)
command.add_command(bench_learning.command)
command.add_command(bench_novelty.command)
command.add_command(bench_results.command)
command.add_command(bench_scale.command)
command.add_command(bench_serving.command)
command.add_command(bench_serving_results.command)
command.add_command(bench_sets.command)
