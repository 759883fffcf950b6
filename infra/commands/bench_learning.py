"""`hypermatch bench learning`: what unlabeled texts are worth on a labeled data set."""

import json
from pathlib import Path

import click

DEFAULT_ARMS = "tfidf,labels,templates,eda,fixmatch,softmatch,issl,hypermatch"


@click.command("learning")
@click.option("--data", "data_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet or CSV with the columns text, label, split.")
@click.option("--per-class", default="1,2,5,10", show_default=True,
              help="Labels per class, separated by commas; 0 begins from the label names alone.")
@click.option("--draws", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--arms", default=DEFAULT_ARMS, show_default=True)
@click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="TOML; else the defaults, with the encoder that fits the script of the texts.")
@click.option("--without", multiple=True, help="Leave out this label, such as one for texts out of scope.")
@click.option("--foreign", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet with a column text: what arm ossl selects from, with some of the set hidden among it.")
@click.option("--task", help="Only rows of this task, for files with a column task.")
@click.option("--lm", "written", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet with text and label that a language model wrote, for arms lm and hypermatch-lm.")
@click.option("--max-bank", default=10_000, show_default=True, type=click.IntRange(min=10))
@click.option("--max-test", default=5_000, show_default=True, type=click.IntRange(min=10))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(data_file: Path, per_class: str, draws: int, arms: str, recipe_file: Path | None, without: tuple[str, ...],
            foreign: tuple[Path, ...], task: str | None, written: Path | None, max_bank: int, max_test: int,
            json_file: Path | None) -> None:
    """Give every arm the same labels, the rest of the train split as bank, and no validation labels.

    A file of several generators and no test split is halved by what its texts were made of: one generator stands in
    for people, the others for the language model, and what was made of a quarter of the seeds is only asked.
    """
    from dataclasses import replace

    from infra.bench.learning import encoder_for, measure, read_split
    from infra.bench.learning_arms import ARMS, BASELINES, BEGINNERS, CHOSEN, FOREIGN, TUNED, WRITTEN
    from registry.errors import HyperMatchError
    from trainer.progress import StepBar
    from trainer.recipe import Recipe, read_recipe
    from trainer.settings import TrainerSettings

    wanted = arms.split(",")
    known = [*ARMS, *BASELINES, *FOREIGN, *TUNED, *CHOSEN, *WRITTEN]
    if unknown := sorted(set(wanted) - set(known)):
        raise HyperMatchError(f"there is no arm {unknown[0]!r}", f"known are {', '.join(known)}")
    sizes = sizes_of(per_class, least=0)
    if sizes[0] == 0 and (left_out := [arm for arm in wanted if arm not in BEGINNERS]):
        click.echo(f"0 per class: {', '.join(left_out)} need labels and are left out", err=True)
    recipe = read_recipe(recipe_file) if recipe_file else replace(Recipe(), encoder=encoder_for(data_file))
    settings = TrainerSettings()
    with StepBar() as bar:
        split = read_split(data_file, recipe, Path(settings.cache), max_bank=max_bank, max_test=max_test,
                           without=without, foreign=foreign, threads=settings.threads, report=bar.report,
                           task=task, written=written)
    found = {"data": f"{data_file.stem}-{task}" if task else data_file.stem, "encoder": recipe.encoder} | measure(
        split, recipe, per_class=sizes, n_draws=draws, arms=wanted, say=lambda line: click.echo(line, err=True))
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    told = ("multipliers", "zero_data", "harmful")
    click.echo(json.dumps({key: found[key] for key in told if found[key] != {}}, indent=2))


def sizes_of(told: str, least: int) -> list[int]:
    """Return the whole numbers of a list, each once and the smallest first."""
    try:
        sizes = sorted({int(each) for each in told.split(",")})
    except ValueError as error:
        raise click.BadParameter(f"{told!r} is no list of whole numbers", param_hint="--per-class") from error
    if not sizes or sizes[0] < least:
        raise click.BadParameter(f"{sizes[0]} is below {least}", param_hint="--per-class")
    return sizes
