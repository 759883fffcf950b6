"""`hypermatch bench drift`: false alarms, power and delay of the drift tests, beside Evidently's defaults."""

import json
from pathlib import Path

import click

KINDS = ("vanish", "priors", "novel", "domain")


@click.command("drift")
@click.option("--data", "data_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Parquet or CSV with the columns text, label, split and, for the order, date.")
@click.option("--plant", "plants", multiple=True, help="KIND:SIZE of a drift, such as vanish:1, priors:2, novel:0.05 "
              "or domain:0.1; several may be given, else the usual seven.")
@click.option("--alpha", default=0.01, show_default=True, type=click.FloatRange(0.002, 0.2))
@click.option("--window", "window_texts", default=500, show_default=True, type=click.IntRange(min=100))
@click.option("--streams", default=200, show_default=True, type=click.IntRange(min=2), help="Stable streams.")
@click.option("--repeats", default=30, show_default=True, type=click.IntRange(min=1), help="Windows per planted drift.")
@click.option("--change-at", help="Date the stream is watched from; after the train split if none is given.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def command(data_file: Path, plants: tuple[str, ...], alpha: float, window_texts: int, streams: int, repeats: int,
            change_at: str | None, json_file: Path | None) -> None:
    """Draw stable streams, plant drifts, and watch the stream as it came."""
    from infra.bench.drift import PLANTS, measure
    from infra.bench.drift_streams import read_texts
    from trainer.drift.recipe import DriftRecipe
    from trainer.progress import StepBar
    from trainer.settings import TrainerSettings

    wanted = [_checked(plant) for plant in plants] or list(PLANTS)
    settings = TrainerSettings()
    recipe = DriftRecipe(alpha=alpha, window_texts=window_texts, reference_texts=4_000,
                         min_reference_texts=2 * window_texts)
    with StepBar() as bar:
        texts, strange = read_texts(data_file, Path(settings.cache), settings.threads, bar.report)
    found = {"data": data_file.stem} | measure(texts, strange, recipe, n_streams=streams, n_repeats=repeats,
                                               plants=wanted, change_at=change_at,
                                               say=lambda line: click.echo(line, err=True))
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1) + "\n")
    click.echo(json.dumps({name: found[name] for name in ("windows", "alarms", "alarm_rate", "interval", "per_family",
                                                          "delay_texts", "peer")}, indent=2))


def _checked(plant: str) -> str:
    kind, _, size = plant.partition(":")
    try:
        is_good = kind in KINDS and float(size) > 0
    except ValueError:
        is_good = False
    if not is_good:
        raise click.BadParameter(f"{plant!r} is not KIND:SIZE with one of {', '.join(KINDS)}", param_hint="--plant")
    return plant
