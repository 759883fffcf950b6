"""`hypermatch bench asking`: which way of choosing the texts to label next is worth most."""

import json
from pathlib import Path

import click


@click.command("asking")
@click.option("--data", "data_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet or CSV with the columns text, label, split.")
@click.option("--start", default=2, show_default=True, type=click.IntRange(min=1), help="Labels per class at first.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--count", type=click.IntRange(min=1), help="Texts asked per round; else two per class.")
@click.option("--draws", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--without", multiple=True, help="Leave out this label, such as one for texts out of scope.")
@click.option("--max-bank", default=4_000, show_default=True, type=click.IntRange(min=10))
@click.option("--max-test", default=3_000, show_default=True, type=click.IntRange(min=10))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(data_file: Path, start: int, rounds: int, count: int | None, draws: int, without: tuple[str, ...],
            max_bank: int, max_test: int, json_file: Path | None) -> None:
    """Ask for labels in rounds, each way from the same first labels and with the same learner."""
    from dataclasses import replace

    from infra.bench.asking import measure
    from infra.bench.learning import encoder_for, read_split
    from trainer.progress import StepBar
    from trainer.recipe import Recipe
    from trainer.settings import TrainerSettings

    recipe, settings = replace(Recipe(), encoder=encoder_for(data_file)), TrainerSettings()
    with StepBar() as bar:
        split = read_split(data_file, recipe, Path(settings.cache), max_bank=max_bank, max_test=max_test,
                           without=without, foreign=(), threads=settings.threads, report=bar.report)
    found = {"data": data_file.stem, "encoder": recipe.encoder} | measure(
        split, recipe, start=start, n_rounds=rounds, count=count or 2 * len(split.labels), n_draws=draws,
        say=lambda line: click.echo(line, err=True))
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    click.echo(json.dumps(found["gains"], indent=2))
