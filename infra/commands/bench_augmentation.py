"""`hypermatch bench augmentation`: how well the class-preservation filter tells good views from bad ones."""

import json
from pathlib import Path

import click


@click.command("augmentation")
@click.option("--data", "data_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet or CSV with the columns text, label, split; with paraphrase_set people's paraphrases, too.")
@click.option("--per-class", default="1,2,5,10", show_default=True, help="Labels per class, separated by commas.")
@click.option("--draws", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="TOML; else the defaults, with the encoder that fits the script of the texts.")
@click.option("--without", multiple=True, help="Leave out this label, such as one for texts out of scope.")
@click.option("--max-bank", default=10_000, show_default=True, type=click.IntRange(min=10))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(data_file: Path, per_class: str, draws: int, recipe_file: Path | None, without: tuple[str, ...],
            max_bank: int, json_file: Path | None) -> None:
    """Keep or drop edits, people's paraphrases and texts of other classes; a classifier on all labels is the judge."""
    from dataclasses import replace

    from infra.bench.augmentation import measure, paraphrases_of
    from infra.bench.learning import encoder_for, read_split
    from infra.commands.bench_learning import sizes_of
    from infra.tables import echo_table
    from trainer.progress import StepBar
    from trainer.recipe import Recipe, read_recipe
    from trainer.settings import TrainerSettings

    recipe = read_recipe(recipe_file) if recipe_file else replace(Recipe(), encoder=encoder_for(data_file))
    settings, sizes = TrainerSettings(), sizes_of(per_class, least=1)
    with StepBar() as bar:
        split = read_split(data_file, recipe, Path(settings.cache), max_bank=max_bank, max_test=10, without=without,
                           foreign=(), threads=settings.threads, report=bar.report)
    found = measure(split, recipe, paraphrases_of(data_file), per_class=sizes, n_draws=draws,
                    say=lambda line: click.echo(line, err=True))
    if json_file is not None:
        json_file.write_text(json.dumps({"data": data_file.stem, "encoder": recipe.encoder} | found, indent=1) + "\n")
    echo_table(list(found["means"][0]), [list(row.values()) for row in found["means"]])
