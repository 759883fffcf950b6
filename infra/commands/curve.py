"""`hypermatch curve`: how many more labels a target needs, without the bank and with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.roots import actor_option, task_option

if TYPE_CHECKING:
    from threading import Event

    from trainer.curve.curve import TaskCurve
    from trainer.workplace import Report

file_type = click.Path(dir_okay=False, path_type=Path)


@click.command("curve")
@task_option
@click.option("--target", required=True, type=click.FloatRange(0, 1, min_open=True, max_open=True),
              help="Accuracy to reach.")
@click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="TOML; else the task's own; else the defaults.")
@click.option("--json", "json_file", type=file_type, help="Write scores, bands and answers here.")
@click.option("--csv", "csv_file", type=file_type, help="Write the bands here.")
@click.option("--svg", "svg_file", type=file_type, help="Write the plot here.")
@actor_option
def command(task_name: str, target: float, recipe_file: Path | None, json_file: Path | None, csv_file: Path | None,
            svg_file: Path | None, actor: str) -> None:
    """Learn from nested draws of the task's labels and say what more of them would be worth."""
    from infra.commands.trainer import open_workplace
    from infra.curve_plot import curve_svg
    from infra.processes import stop_on_signal
    from trainer.curve.curve import curve_of
    from trainer.curve.keeping import keep
    from trainer.curve.recipe import CurveRecipe
    from trainer.progress import StepBar
    from trainer.recipe import read_recipe, recipe_for
    from trainer.settings import TrainerSettings

    for file in (json_file, csv_file, svg_file):
        check_folder(file)
    settings, stop = TrainerSettings(), stop_on_signal()
    recipe = read_recipe(recipe_file) if recipe_file else recipe_for(task_name, Path(settings.recipes))
    workplace = open_workplace(settings)
    with StepBar() as bar:
        curve = curve_of(workplace, task_name, target, recipe, CurveRecipe(), until(stop, bar.report))
    shown = curve.to_dict()
    plot = curve_svg(shown)
    keep(workplace, curve, plot, actor=actor)
    if json_file is not None:
        json_file.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if csv_file is not None:
        csv_file.write_text("\n".join(csv_lines(shown)) + "\n", encoding="utf-8")
    if svg_file is not None:
        svg_file.write_text(plot, encoding="utf-8")
    for line in lines_of(curve):
        click.echo(line)


def check_folder(file: Path | None) -> None:
    """Refuse a file that cannot be written before minutes of work rather than after."""
    if file is not None and not file.parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.parent}", param_hint=str(file))


def until(stop: Event, report: Report) -> Report:
    """Let `report` end the work once `stop` is set."""
    from trainer.errors import Interrupted

    def heard(step: str, done: float) -> None:
        if stop.is_set():
            raise Interrupted(f"interrupted in step {step}")
        report(step, done)

    return heard


def lines_of(curve: TaskCurve) -> list[str]:
    """Say what the target needs, what twice the labels would bring, and what the bank saves."""
    lines = [f"{curve.task}: {curve.n_labels} labels at hand, judged by {curve.judge}"]
    for name, arm in curve.arms.items():
        low, middle, high = arm.at(2 * curve.n_labels, curve.confidence, curve.seed)
        lines += [f"{name}: {arm.demand.says}", f"{name}: twice the labels score about {middle:.3f} "
                  f"({curve.confidence:.0%} band {low:.3f} to {high:.3f})"]
    if curve.saving is not None:
        least = "at least " if curve.saving.is_least else ""
        lines.append(f"labels alone need {least}x{curve.saving.value:g} the labels of HyperMatch "
                     f"({curve.confidence:.0%} band x{curve.saving.low:g} to x{curve.saving.high:g})")
    elif len(curve.arms) > 1:
        lines.append("saving: cannot tell yet, a curve may not reach the target, or both do with the fewest labels "
                     "measured")
    else:
        lines.append("HyperMatch: not measured, the bank holds no unlabeled texts of the task or its recipe uses none; "
                     "bank some: `hypermatch ingest file`")
    return lines


def csv_lines(shown: dict[str, object]) -> list[str]:
    arms = shown["arms"]
    assert isinstance(arms, dict)
    rows = [f"{name},{row['n_labels']},{row['low']},{row['accuracy']},{row['high']}"
            for name, arm in arms.items() for row in arm["band"]]
    return ["arm,n_labels,low,accuracy,high", *rows]
