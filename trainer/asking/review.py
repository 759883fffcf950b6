"""Fills a task's review queue from the newest texts of its bank, as its champion sees them."""

import numpy as np

from registry.database import read, write
from registry.drift import list_drift_checks
from registry.labels import labeled_texts
from registry.lifecycle.versions import champion_of
from registry.reviews import Wanted, list_items, queue_texts
from registry.tables import DriftCheck, LabeledText, ModelVersion, Part
from trainer.asking.asking import RANDOM, texts_to_label
from trainer.asking.recipe import AskingRecipe
from trainer.asking.worth import Views, choose
from trainer.drift.answers import CachedAnswers
from trainer.errors import TrainerError
from trainer.recipe import Recipe
from trainer.workplace import Report, Workplace

NEWEST_TEXTS = 5_000                                  # that are chosen from; more cost answers and tell little more
ALARMS_LOOKED_AT = 3


class NothingToAsk(TrainerError):
    """A bank in which every text has a label or waits for one."""


def fill_queue(workplace: Workplace, task: str, count: int, recipe: Recipe, asking: AskingRecipe, *, actor: str,
               n_wanted: int, report: Report, newest: int = NEWEST_TEXTS) -> int:
    """Queue up to `count` of the `newest` texts of the bank; return how many.

    Without a champion, a head on the labels at hand chooses. Raises NothingToAsk where every
    text is labeled or asked for already.
    """
    with read(workplace.engine) as session:
        champion = champion_of(session, task)
    wanted = _from_labels(workplace, task, count, recipe, asking, report) if champion is None else _from_champion(
        workplace, task, champion, count, newest, recipe, asking, report)
    with write(workplace.engine) as session:
        return len(queue_texts(session, task, wanted, actor=actor, now=workplace.now(), n_wanted=n_wanted,
                               version_number=None if champion is None else champion.number))


def _from_champion(workplace: Workplace, task: str, champion: ModelVersion, count: int, newest: int,
                   recipe: Recipe, asking: AskingRecipe, report: Report) -> list[Wanted]:
    with read(workplace.engine) as session:
        human = [row for part in Part for row in labeled_texts(session, task, part)]
        checks = [check for check in list_drift_checks(session, task) if check.is_alarm][:ALARMS_LOOKED_AT]
        asked = {item.text for item in list_items(session, task)}
    known = asked | {row.text for row in human}
    found = [text for text in workplace.bank.texts(task, limit=newest).column("text").to_pylist()
             if text not in known]
    if not found:
        raise NothingToAsk(f"the bank holds no text of task {task} that is neither labeled nor asked for",
                           "bank some: `hypermatch ingest`")
    answers = CachedAnswers(champion, workplace.store, workplace.cache, workplace.threads)
    return choose(_views(answers, found, human, checks, report), answers.labels, count, asking,
                  recipe.seed + len(asked))


def _views(answers: CachedAnswers, found: list[str], human: list[LabeledText], checks: list[DriftCheck],
           report: Report) -> Views:
    numbers = {label: number for number, label in enumerate(answers.labels)}
    near = [row for row in human if row.part is Part.TRAIN and row.label in numbers]
    drifted = [text for check in checks for text in check.report.get("examples_now", [])]
    seen = answers.observe(found, [None] * len(found), report)
    return Views(found, _unit(seen.vectors), seen.probs, seen.novelty, _vectors(answers, [row.text for row in near]),
                 np.array([numbers[row.label] for row in near], np.int64), _vectors(answers, drifted))


def _vectors(answers: CachedAnswers, texts: list[str]) -> np.ndarray:
    return _unit(answers.observe(texts, [None] * len(texts)).vectors) if texts else np.zeros((0, 1), np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-9))


def _from_labels(workplace: Workplace, task: str, count: int, recipe: Recipe, asking: AskingRecipe,
                 report: Report) -> list[Wanted]:
    asked = texts_to_label(workplace, task, count, recipe, asking, report)
    return [Wanted(each.text, "random" if each.chosen == RANDOM else each.chosen, each.why,
                   worth=1 - number / len(asked)) for number, each in enumerate(asked)]
