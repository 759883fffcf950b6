"""What `hypermatch discover --task T` does: a claimed run as the trainer's own, or a look that keeps nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import click

from infra.commands.trainer import open_workplace
from infra.processes import stop_on_signal
from registry.database import read
from registry.proposals import list_proposals
from registry.tables import ClassProposal, ProposalState
from trainer.discovery.discover import discover
from trainer.discovery.run import discover_once
from trainer.errors import Interrupted
from trainer.progress import StepBar
from trainer.recipe import Recipe, recipe_for
from trainer.settings import TrainerSettings
from trainer.workplace import both


def run(task: str, n_classes: int, actor: str, reason: str) -> list[ClassProposal]:
    """Discover as a run that others see and wait for; return what is open now."""
    settings, stop = TrainerSettings(), stop_on_signal()
    workplace, recipe = open_workplace(settings), _recipe(settings, task, n_classes)
    with StepBar() as bar:
        found = discover_once(workplace, task, recipe, reason=reason, actor=actor, stop=stop, watch=bar.report)
    click.echo(str(found))
    with read(workplace.engine) as session:
        return list_proposals(session, task, ProposalState.PROPOSED)


def look(task: str, n_classes: int) -> list[ClassProposal]:
    """Return what would be proposed, decided before or not; keep nothing."""
    settings, stop = TrainerSettings(), stop_on_signal()
    workplace, recipe = open_workplace(settings), _recipe(settings, task, n_classes)
    model = workplace.open_language_model(task, recipe.language_model)
    with StepBar() as bar:
        found = discover(workplace, task, recipe.discovery, recipe.seed, None if model is None else model.backend,
                         both(_ending_on(stop), bar.report))
    click.echo(str(found))
    return found.drafts


def _recipe(settings: TrainerSettings, task: str, n_classes: int) -> Recipe:
    recipe = recipe_for(task, Path(settings.recipes))
    return recipe if n_classes == 0 else replace(recipe, discovery=replace(recipe.discovery, n_classes=n_classes))


def _ending_on(stop: Event) -> Callable[[str, float], None]:
    def report(step: str, _done: float) -> None:
        if stop.is_set():
            raise Interrupted(f"interrupted in step {step}")

    return report
