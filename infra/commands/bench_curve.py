"""`hypermatch bench curve`: how well a curve drawn from few labels foretells what more bring."""

import json
from pathlib import Path

import click


@click.command("curve")
@click.option("--data", "data_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet or CSV with the columns text, label, split.")
@click.option("--sizes", default="8,16,32", show_default=True, help="Labels per class that are at hand.")
@click.option("--predict", default="64,128", show_default=True, help="Labels per class to foretell.")
@click.option("--draws", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--arm", default="labels", show_default=True, type=click.Choice(["labels", "hypermatch"]),
              help="What learns: labels only, or HyperMatch with the rest of the pool as its bank.")
@click.option("--without", multiple=True, help="Leave out this label, such as one for texts out of scope.")
@click.option("--max-bank", default=10_000, show_default=True, type=click.IntRange(min=10))
@click.option("--max-test", default=3_000, show_default=True, type=click.IntRange(min=10))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(data_file: Path, sizes: str, predict: str, draws: int, arm: str, without: tuple[str, ...],
            max_bank: int, max_test: int, json_file: Path | None) -> None:
    """Foretell from each draw's labels what the same learner scores with more of them."""
    from dataclasses import replace

    from infra.bench.curve import measure
    from infra.bench.learning import encoder_for, read_split
    from trainer.curve.recipe import CurveRecipe
    from trainer.progress import StepBar
    from trainer.recipe import Recipe
    from trainer.settings import TrainerSettings

    recipe, settings = replace(Recipe(), encoder=encoder_for(data_file)), TrainerSettings()
    with StepBar() as bar:
        split = read_split(data_file, recipe, Path(settings.cache), max_bank=max_bank, max_test=max_test,
                           without=without, foreign=(), threads=settings.threads, report=bar.report)
    found = {"data": data_file.stem, "encoder": recipe.encoder} | measure(
        split, recipe, CurveRecipe(), sizes=whole_numbers(sizes, "--sizes"),
        predict=whole_numbers(predict, "--predict"), n_draws=draws, arm=arm,
        say=lambda line: click.echo(line, err=True))
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    click.echo(json.dumps({key: found[key] for key in ("mae", "coverage_80", "by_size")}, indent=2))


def whole_numbers(told: str, option: str) -> list[int]:
    try:
        sizes = sorted({int(each) for each in told.split(",")})
    except ValueError as error:
        raise click.BadParameter(f"{told!r} is no list of whole numbers", param_hint=option) from error
    if sizes[0] < 1:
        raise click.BadParameter("a class needs at least one label", param_hint=option)
    return sizes
