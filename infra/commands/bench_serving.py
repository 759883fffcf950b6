"""`hypermatch bench serving`: texts per second through HTTP, against ONNX Runtime alone or other servers; hot swaps."""

import json
import os
from pathlib import Path
from typing import Any

import click

from infra.commands.listed import listed, numbers

FULL = {"connections": "1,8,32,128", "texts": "1,16", "lengths": "mixed,8,32,128"}
QUICK = {"connections": "32", "texts": "1", "lengths": "mixed"}
MOST_WAITING = 512                                    # texts at once; more would wait longer than a server may take


@click.command("serving")
@click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What is served; the default recipe if none is given.")
@click.option("--runs-at-once", "lanes", default=lambda: os.cpu_count() or 1, show_default="one per core",
              type=click.IntRange(min=1), help="Batches computed at once; with --against also the workers of a peer.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=0),
              help="Threads per run; 0: one per core.")
@click.option("--seconds", type=click.FloatRange(min=0.1),
              help="Length of each round.  [default: 10; with --against 5]")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--swaps", default=50, show_default=True, type=click.IntRange(min=1))
@click.option("--against", help="Measure beside these peers instead: raw-ort, bentoml-batchable, litserve, mlserver, "
              "comma-separated; the last two are installed below .hypermatch/peers when first asked for.")
@click.option("--quick", is_flag=True, help="One workload only: single texts of mixed length, 32 connections.")
@click.option("--connections", help="Numbers of connections.  [default: 1,8,32,128]")
@click.option("--texts", help="Texts of a request.  [default: 1,16]")
@click.option("--lengths", help="Tokens of a text, 8 to 128, or mixed; the first with everything.  "
              "[default: mixed,8,32,128]")
@click.option("--loads", default="50,80,95", show_default=True, help="Open loop: percents of each one's capacity.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the figures here; with --against, what is there already is not measured again.")
def command(recipe_file: Path | None, lanes: int, threads: int, seconds: float | None, rounds: int, swaps: int,
            against: str | None, json_file: Path | None, loads: str, **axes: Any) -> None:
    """Measure predictions over 32 connections, then swap versions under a constant load; or measure beside peers."""
    from infra.bench.serving import measure
    from trainer.recipe import Recipe, read_recipe
    from trainer.settings import TrainerSettings

    recipe = read_recipe(recipe_file) if recipe_file else Recipe()
    cache = Path(TrainerSettings().cache)
    if against is not None:
        _against(recipe, cache, against, lanes, seconds or 5.0, loads, json_file, axes)
        return
    found = measure(recipe, cache, lanes=lanes, threads=threads, seconds=seconds or 10.0, rounds=rounds, swaps=swaps)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    click.echo(json.dumps(found, indent=2))


def _against(recipe: Any, cache: Path, against: str, cores: int, seconds: float, loads: str, json_file: Path | None,
             axes: dict[str, Any]) -> None:
    """Measure beside peers and print the tables."""
    from infra.bench.against import Plan, conditions, measure, trained
    from infra.bench.against_tables import ratios, tables
    from infra.bench.figures import Figures
    from infra.bench.peers.known import chosen
    from infra.bench.workloads import checked_length, star

    usual = QUICK if axes["quick"] else FULL
    lengths = [checked_length(length) for length in listed(axes["lengths"] or usual["lengths"])]
    workloads = star(numbers(axes["texts"] or usual["texts"], "--texts"),
                     numbers(axes["connections"] or usual["connections"], "--connections"), lengths, MOST_WAITING)
    plan = Plan(chosen(listed(against)), workloads, numbers(loads, "--loads"), seconds, cores)
    figures = Figures(json_file, conditions(recipe, cores))
    measure(trained(recipe, cache), plan, figures, lambda line: click.echo(line, err=True))
    click.echo("\n".join([*tables(figures.cells), *ratios(figures.cells)]))
