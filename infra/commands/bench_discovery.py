"""`hypermatch bench discovery`: how well classes without labels are found beside those with a few."""

import json
from pathlib import Path

import click

from trainer.fine_tuning.recipe import USES, Use


@click.command("discovery")
@click.option("--data", "data_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet or CSV with the columns text, label, split; label `oos` is left out.")
@click.option("--known-ratio", default=0.75, show_default=True,
              type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Share of the classes that have labels.")
@click.option("--labeled-ratio", default=0.1, show_default=True, type=click.FloatRange(0, 1, min_open=True),
              help="Share of a known class's train texts that are labeled.")
@click.option("--k", "n_classes", default=0, show_default=True, type=click.IntRange(min=0),
              help="Number of classes, known ones included; 0: estimated.")
@click.option("--tune", default="auto", show_default=True, type=click.Choice(USES),
              help="Tune the encoder on the groups found and look again; auto: where a GPU is at hand.")
@click.option("--draws", default=5, show_default=True, type=click.IntRange(min=1))
@click.option("--max-bank", default=20_000, show_default=True, type=click.IntRange(min=10))
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
@click.option("--svg", "svg_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Draw accuracy by share of known classes here.")
@click.option("--beside", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What another run wrote with --json, to be drawn too; may be repeated.")
def command(data_file: Path, known_ratio: float, labeled_ratio: float, n_classes: int, tune: Use, draws: int,
            max_bank: int, json_file: Path | None, svg_file: Path | None, beside: tuple[Path, ...]) -> None:
    """Group the train split, label no text of the other classes, and score on the test split."""
    from dataclasses import replace

    from infra.bench.discovery import measure
    from infra.bench.discovery_plot import plot
    from infra.bench.learning import encoder_for, read_split
    from trainer.discovery.recipe import DiscoveryRecipe
    from trainer.progress import StepBar
    from trainer.recipe import Recipe
    from trainer.settings import TrainerSettings
    from trainer.workplace import limit_threads

    settings = TrainerSettings()
    recipe = replace(Recipe(), encoder=encoder_for(data_file), discovery=DiscoveryRecipe(tune=tune))
    limit_threads(settings.threads)
    with StepBar() as bar:
        split = read_split(data_file, recipe, Path(settings.cache), max_bank=max_bank, max_test=max_bank,
                           without=("oos",), foreign=(), threads=settings.threads, report=bar.report)
    found = {"data": data_file.stem, "encoder": recipe.encoder, "known_ratio": known_ratio,
             "labeled_ratio": labeled_ratio, "k": n_classes or None} | measure(
        split, recipe, known_ratio=known_ratio, labeled_ratio=labeled_ratio, n_classes=n_classes, n_draws=draws,
        threads=settings.threads, say=lambda line: click.echo(line, err=True))
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    if svg_file is not None:
        svg_file.write_text(plot([*(json.loads(file.read_text()) for file in beside), found]))
    click.echo(json.dumps({key: value for key, value in found.items() if key != "draws"}, indent=2))
