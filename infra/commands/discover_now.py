"""What `hypermatch discover --task T` does: a claimed run as the trainer's own, or a look that keeps nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import click

from infra.commands.trainer import open_workplace
from infra.processes import stop_on_signal
from infra.whole_bank import working_on
from registry.database import read
from registry.proposals import list_proposals
from registry.tables import ClassProposal, ProposalState
from trainer.discovery.discover import discover
from trainer.discovery.run import discover_once
from trainer.errors import Interrupted
from trainer.progress import ShareBar, StepBar
from trainer.recipe import Recipe, recipe_for
from trainer.settings import TrainerSettings
from trainer.whole_bank.counting import count_in_bank
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
        found = discover(workplace, task, recipe, None if model is None else model.backend,
                         both(_ending_on(stop), bar.report))
    click.echo(str(found))
    return found.drafts


def count(task: str, address: str | None, n_workers: int) -> list[ClassProposal]:
    """Count the texts of each open proposal in the whole bank, here or on a Ray cluster."""
    settings = TrainerSettings()
    workplace, recipe = open_workplace(settings), _recipe(settings, task, 0)
    with working_on(address, n_workers, settings.threads) as (run, threads), ShareBar("counting") as bar:
        ends = _ending_on(stop_on_signal())
        heard = both(ends, lambda _step, done: bar.report(done))
        return count_in_bank(replace(workplace, threads=threads), task, recipe.discovery, run,
                             lambda done: heard("counting", done))


def _recipe(settings: TrainerSettings, task: str, n_classes: int) -> Recipe:
    recipe = recipe_for(task, Path(settings.recipes))
    return recipe if n_classes == 0 else replace(recipe, discovery=replace(recipe.discovery, n_classes=n_classes))


def _ending_on(stop: Event) -> Callable[[str, float], None]:
    def report(step: str, _done: float) -> None:
        if stop.is_set():
            raise Interrupted(f"interrupted in step {step}")

    return report
