"""`hypermatch bench serving`: texts per second through HTTP, against ONNX Runtime alone; hot swaps under load."""

import json
import os
from pathlib import Path

import click


@click.command("serving")
@click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What is served; the default recipe if none is given.")
@click.option("--runs-at-once", "lanes", default=lambda: os.cpu_count() or 1, show_default="one per core",
              type=click.IntRange(min=1), help="Batches computed at once.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=0),
              help="Threads per run; 0: one per core.")
@click.option("--seconds", default=10.0, show_default=True, help="Length of each round.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--swaps", default=50, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(recipe_file: Path | None, lanes: int, threads: int, seconds: float, rounds: int, swaps: int,
            json_file: Path | None) -> None:
    """Measure predictions over 32 connections, then swap versions under a constant load."""
    from infra.bench.serving import measure
    from trainer.recipe import Recipe, read_recipe
    from trainer.settings import TrainerSettings

    recipe = read_recipe(recipe_file) if recipe_file else Recipe()
    found = measure(recipe, Path(TrainerSettings().cache), lanes=lanes, threads=threads, seconds=seconds,
                    rounds=rounds, swaps=swaps)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    click.echo(json.dumps(found, indent=2))
