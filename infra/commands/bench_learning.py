"""`hypermatch bench learning`: what unlabeled texts are worth on a labeled data set."""

import json
from pathlib import Path

import click

DEFAULT_ARMS = "tfidf,labels,templates,fixmatch,softmatch,issl,hypermatch"


@click.command("learning")
@click.option("--data", "data_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet or CSV with the columns text, label, split.")
@click.option("--per-class", default="1,2,5,10", show_default=True, help="Labels per class, separated by commas.")
@click.option("--draws", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--arms", default=DEFAULT_ARMS, show_default=True)
@click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="TOML; else the defaults, with the encoder that fits the script of the texts.")
@click.option("--without", multiple=True, help="Leave out this label, such as one for texts out of scope.")
@click.option("--foreign", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet with a column text: what arm ossl selects from, with some of the set hidden among it.")
@click.option("--max-bank", default=10_000, show_default=True, type=click.IntRange(min=10))
@click.option("--max-test", default=5_000, show_default=True, type=click.IntRange(min=10))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(data_file: Path, per_class: str, draws: int, arms: str, recipe_file: Path | None, without: tuple[str, ...],
            foreign: tuple[Path, ...], max_bank: int, max_test: int, json_file: Path | None) -> None:
    """Give every arm the same labels, the rest of the train split as bank, and no validation labels."""
    from dataclasses import replace

    from infra.bench.learning import encoder_for, measure, read_split
    from infra.bench.learning_arms import ARMS, BASELINES, CHOSEN, FOREIGN, TUNED
    from registry.errors import HyperMatchError
    from trainer.progress import StepBar
    from trainer.recipe import Recipe, read_recipe
    from trainer.settings import TrainerSettings

    wanted = arms.split(",")
    known = [*ARMS, *BASELINES, *FOREIGN, *TUNED, *CHOSEN]
    if unknown := sorted(set(wanted) - set(known)):
        raise HyperMatchError(f"there is no arm {unknown[0]!r}", f"known are {', '.join(known)}")
    sizes = _sizes(per_class)
    recipe = read_recipe(recipe_file) if recipe_file else replace(Recipe(), encoder=encoder_for(data_file))
    settings = TrainerSettings()
    with StepBar() as bar:
        split = read_split(data_file, recipe, Path(settings.cache), max_bank=max_bank, max_test=max_test,
                           without=without, foreign=foreign, threads=settings.threads, report=bar.report)
    found = {"data": data_file.stem, "encoder": recipe.encoder} | measure(
        split, recipe, per_class=sizes, n_draws=draws, arms=wanted, say=lambda line: click.echo(line, err=True))
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    click.echo(json.dumps({"multipliers": found["multipliers"], "harmful": found["harmful"]}, indent=2))


def _sizes(told: str) -> list[int]:
    try:
        sizes = sorted({int(each) for each in told.split(",")})
    except ValueError as error:
        raise click.BadParameter(f"{told!r} is no list of whole numbers", param_hint="--per-class") from error
    if not sizes or sizes[0] < 1:
        raise click.BadParameter("a class needs at least one label", param_hint="--per-class")
    return sizes
