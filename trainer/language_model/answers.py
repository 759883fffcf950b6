"""Turns what a language model answers into label probabilities: whole-string scores, or counted votes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from trainer.language_model.backend import Backend, BudgetSpent
from trainer.language_model.recipe import LanguageModelRecipe

VOTE_TOKENS = 24                                      # enough for a code or a label's words
SMALLEST = 1e-6                                       # a content-free probability below it is noise
Answer = TypeVar("Answer")


def probs_of(backend: Backend, prompt: str, continuations: Sequence[str], parse: Callable[[str], int | None],
             recipe: LanguageModelRecipe, seed: int) -> np.ndarray:
    """Return (C,) probabilities of the continuations; all zeros if every vote was unreadable."""
    if recipe.answers == "scores":
        scores = np.array(backend.score(prompt, continuations))
        exponents = np.exp(scores - scores.max())
        return exponents / exponents.sum()
    votes = np.zeros(len(continuations))
    for number in range(recipe.n_votes):
        temperature = 0.0 if recipe.n_votes == 1 else recipe.temperature
        said = backend.complete(prompt, max_tokens=VOTE_TOKENS, temperature=temperature, stop=("\n",),
                                seed=seed + number).text
        chosen = parse(said)
        if chosen is not None:
            votes[chosen] += 1
    return votes / max(votes.sum(), 1.0)


def calibrated(probs: np.ndarray, content_free: Sequence[np.ndarray]) -> np.ndarray:
    """Divide by what the prompt answers to texts that say nothing (arXiv 2102.09690)."""
    bias = np.mean(content_free, axis=0)
    if not probs.any() or not bias.any():
        return probs
    weighed = probs / np.maximum(bias, SMALLEST)
    return weighed / weighed.sum()


def side_by_side(calls: Sequence[Callable[[], Answer]], backend: Backend,
                 report: Callable[[float], None] = lambda _done: None) -> list[Answer | None]:
    """Make the calls in as many threads as the backend takes; those that the budget refused are None.

    Any other error is raised once the calls in flight have ended.
    """
    with ThreadPoolExecutor(backend.concurrency, thread_name_prefix="language model") as threads:
        futures = [threads.submit(_within_budget, call) for call in calls]
        try:
            found = []
            for number, future in enumerate(futures, start=1):
                found.append(future.result())
                report(number / len(futures))
            return found
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _within_budget(call: Callable[[], Answer]) -> Answer | None:
    try:
        return call()
    except BudgetSpent:
        return None
