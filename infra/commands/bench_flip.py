"""`hypermatch bench flip`: for how long replicas answer with two versions."""

import json
from pathlib import Path

import click


@click.command("flip")
@click.option("--replicas", default=8, show_default=True, type=click.IntRange(2, 64), help="Servers, one worker each.")
@click.option("--promotions", default=10, show_default=True, type=click.IntRange(min=1), help="Of each kind.")
@click.option("--registry", default="sqlite", show_default=True, type=click.Choice(["sqlite", "postgresql"]),
              help="Where servers ask; PostgreSQL also tells them.")
@click.option("--poll-seconds", default=2.0, show_default=True, type=click.FloatRange(min=0.05, max=60))
@click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What is served; the small encoder `subword` if none is given.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(replicas: int, promotions: int, registry: str, poll_seconds: float, recipe_file: Path | None,
            json_file: Path | None) -> None:
    """Promote under a light load: from the first answer of the new version anywhere to the last of the old one."""
    from infra.bench.flip import measure
    from trainer.recipe import Recipe, read_recipe
    from trainer.settings import TrainerSettings

    recipe = read_recipe(recipe_file) if recipe_file else Recipe(encoder="subword")
    found = measure(recipe, Path(TrainerSettings().cache), replicas=replicas, promotions=promotions,
                    poll_seconds=poll_seconds, registry=registry)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    click.echo(json.dumps(found, indent=2))
