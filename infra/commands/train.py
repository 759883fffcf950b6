"""`hypermatch train`: train one model version now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.commands.runs import costs_told
from infra.roots import actor_option, task_option

if TYPE_CHECKING:
    from trainer.run import Outcome


@click.command("train")
@task_option
@click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="TOML; else the task's own, `<task>.toml` in HYPERMATCH_TRAINER_RECIPES; else the defaults.")
@click.option("--reason", default="asked for on the command line", show_default=True, help="Why; kept with the run.")
@actor_option
def command(task_name: str, recipe_file: Path | None, reason: str, actor: str) -> None:
    """Train one model version now and let the gate judge it."""
    from infra.commands.trainer import open_workplace
    from infra.processes import stop_on_signal
    from trainer.progress import StepBar
    from trainer.recipe import read_recipe, recipe_for
    from trainer.run import run_once
    from trainer.settings import TrainerSettings

    settings, stop = TrainerSettings(), stop_on_signal()
    recipe = read_recipe(recipe_file) if recipe_file else recipe_for(task_name, Path(settings.recipes))
    with StepBar() as bar:
        outcome = run_once(open_workplace(settings), task_name, recipe, reason=reason, actor=actor, facts={},
                           stop=stop, watch=bar.report)
    for line in lines_of(outcome):
        click.echo(line)


def lines_of(outcome: Outcome) -> list[str]:
    """Say what came of a run, and what to do next."""
    version, judged = outcome.version, outcome.judged
    lines = [f"{version.task} v{version.number}  {version.digest[:12]}  {version.n_labels} labels"]
    if judged.evaluation is not None:
        lines.append(f"accuracy {judged.evaluation.accuracy} on {judged.evaluation.n_texts} gate texts, "
                     f"macro-F1 {judged.evaluation.macro_f1}, calibration error {judged.evaluation.ece:.3f}")
    lines.append(f"learned: {outcome.choice.arm}: {outcome.choice.reason}")
    if outcome.choice.arm == "zero-data":
        lines.append("warning: no person has labeled a text of this task; label some: `hypermatch labels next`")
    if outcome.costs is not None:
        lines.append(f"language model: {costs_told(outcome.costs)}")
    lines.append(f"the gate {'lets it pass' if judged.decision.passed else 'refuses it'}")
    lines += [f"  {reason}" for reason in judged.decision.reasons]
    if judged.decision.passed:
        lines.append(f"next: hypermatch models approve {version.task} {version.number} --reason \"...\"")
    return lines
