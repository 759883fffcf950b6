"""Asks people about a window that drift was noticed in."""

from dataclasses import replace

from trainer.asking.recipe import AskingRecipe
from trainer.asking.review import NothingToAsk, fill_queue
from trainer.drift.tick import Look
from trainer.recipe import Recipe
from trainer.workplace import Workplace

N_TEXTS = 50


def ask_about(workplace: Workplace, task: str, found: Look) -> None:
    """Queue the texts of the window that are most worth labeling; a fifth is drawn by chance, as a fair sample."""
    try:
        fill_queue(workplace, task, N_TEXTS, replace(Recipe(), seed=found.bank_version), AskingRecipe(), actor="drift",
                   n_wanted=1, report=lambda _step, _done: None, newest=len(found.window))
    except NothingToAsk:
        return                                        # every text of the window is labeled or asked for already
