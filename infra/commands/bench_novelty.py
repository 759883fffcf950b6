"""`hypermatch bench novelty`: how well texts of unknown classes are told from known ones."""

import json
from pathlib import Path

import click

OUTSIDE = "oos"                                       # the label of texts of no class, in the sets that have some


@click.command("novelty")
@click.option("--data", "data_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet or CSV with the columns text, label, split; label `oos` is no class.")
@click.option("--known-ratio", default=0.75, show_default=True, type=click.FloatRange(0, 1, min_open=True),
              help="Share of the classes that have labels; 1 measures on `oos` alone.")
@click.option("--draws", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--false-positive-rate", default=0.05, show_default=True, type=click.FloatRange(0.001, 0.4))
@click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Recipe in TOML; its false positive rate is as the option says.")
@click.option("--tune", "is_tuned", is_flag=True, help="Tune the encoder on the labels of the known classes first.")
@click.option("--max-bank", default=20_000, show_default=True, type=click.IntRange(min=10))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(data_file: Path, known_ratio: float, draws: int, false_positive_rate: float,
            recipe_file: Path | None, is_tuned: bool, max_bank: int, json_file: Path | None) -> None:
    """Give a part of the classes all their labels, and ask about the test texts of all."""
    from dataclasses import replace

    from infra.bench.learning import encoder_for, read_outside, read_split
    from infra.bench.novelty import as_it_is, measure, tuned
    from registry.errors import HyperMatchError
    from trainer.learning.novelty_recipe import NoveltyRecipe
    from trainer.progress import StepBar
    from trainer.recipe import Recipe, read_recipe
    from trainer.settings import TrainerSettings
    from trainer.workplace import limit_threads

    recipe = read_recipe(recipe_file) if recipe_file else replace(Recipe(), encoder=encoder_for(data_file))
    recipe = replace(recipe, novelty=NoveltyRecipe(false_positive_rate))
    settings = TrainerSettings()
    limit_threads(settings.threads)
    with StepBar() as bar:
        split = read_split(data_file, recipe, Path(settings.cache), max_bank=max_bank, max_test=max_bank,
                           without=(OUTSIDE,), foreign=(), threads=settings.threads, report=bar.report)
        outside = read_outside(data_file, OUTSIDE)
        vectors = {} if is_tuned else {kind: split.embed(texts) for kind, texts in outside.items()}
    if known_ratio == 1 and not outside:
        raise HyperMatchError(f"{data_file.name} has no text of label {OUTSIDE}, so nothing in it is unknown",
                              "give a --known-ratio below 1")
    look = tuned(split, outside, recipe, settings.threads) if is_tuned else as_it_is(split, vectors)
    facts = {"data": data_file.stem, "encoder": recipe.encoder, "tuned": is_tuned, "known_ratio": known_ratio}
    found = facts | measure(split, look, recipe, known_ratio=known_ratio, n_draws=draws,
                            say=lambda line: click.echo(line, err=True))
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    click.echo(json.dumps({key: value for key, value in found.items() if key != "draws"}, indent=2))
