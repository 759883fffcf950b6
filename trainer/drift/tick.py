"""One look at a task's bank: the champion's reference, the newest window, and the report."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from registry.database import read
from registry.labels import labeled_texts
from registry.lifecycle.versions import champion_of
from registry.tables import ModelVersion, Part
from trainer.drift.answers import CachedAnswers
from trainer.drift.observed import Observed
from trainer.drift.recipe import DriftRecipe
from trainer.drift.report import DriftReport
from trainer.drift.watch import look, make_reference
from trainer.errors import NotWatchable
from trainer.evaluation import Answers
from trainer.workplace import Report, Workplace

PAST_TEXTS = 20_000                                   # before the reference, to learn what is usual


@dataclass(frozen=True)
class Look:
    """A report, and what it is about."""

    report: DriftReport
    version: ModelVersion
    bank_version: int


def look_at_bank(workplace: Workplace, task: str, recipe: DriftRecipe, seed: int,
                 progress: Report = lambda _step, _done: None) -> Look:
    """Compare the newest window with what the champion was trained beside; raises NotWatchable saying what is lacking.

    The reference is the newest texts of the champion's bank version; a champion that was
    trained without the bank is watched from the oldest texts on.
    """
    version, bank_version = champion_to_watch(workplace, task), workplace.bank.version
    if bank_version is None:
        raise NotWatchable(f"the bank holds no text of task {task}", "`hypermatch ingest run` banks production text")
    texts = workplace.bank.texts(task, version=bank_version).sort_by([("at", "ascending"), ("text_hash", "ascending")])
    before, after = _parted(workplace, task, version, texts, recipe)
    if len(after) < recipe.window_texts:
        raise NotWatchable(f"{len(after)} texts were banked since the reference, a window has {recipe.window_texts}")
    answers = CachedAnswers(version, workplace.store, workplace.cache, workplace.threads)
    n_past = max(len(before) - recipe.reference_texts, 0)
    past = _observed(answers, before[:n_past], progress) if n_past else None
    reference, window = (_observed(answers, part, progress) for part in (
        before[n_past:], after[-recipe.window_texts :]))
    ready = make_reference(reference, recipe, seed, past)
    report = look(ready, window, recipe, seed, answers.labels, _gate_answers(workplace, task, answers, progress))
    return Look(report, version, bank_version)


def champion_to_watch(workplace: Workplace, task: str) -> ModelVersion:
    with read(workplace.engine) as session:
        version = champion_of(session, task)
    if version is None:
        raise NotWatchable(f"task {task} has no champion", "approve and promote a version first")
    return version


def _parted(workplace: Workplace, task: str, version: ModelVersion, texts: pa.Table,
            recipe: DriftRecipe) -> tuple[pa.Table, pa.Table]:
    """Return the texts of the reference and before it, and those banked after, oldest first."""
    if version.bank_version is None:
        is_before = np.arange(len(texts)) < recipe.reference_texts
    else:
        known = workplace.bank.texts(task, version=version.bank_version).column("text_hash").to_pylist()
        is_before = np.isin(np.array(texts.column("text_hash").to_pylist()), known)
    before, after = texts.filter(pa.array(is_before)), texts.filter(pa.array(~is_before))
    if len(before) < recipe.min_reference_texts:
        raise NotWatchable(f"the reference of {task} has {len(before)} texts, "
                           f"at least {recipe.min_reference_texts} are needed")
    return before[-(recipe.reference_texts + PAST_TEXTS) :], after


def _observed(answers: CachedAnswers, texts: pa.Table, progress: Report) -> Observed:
    return answers.observe(texts.column("text").to_pylist(), texts.column("source").to_pylist(), progress)


def _gate_answers(workplace: Workplace, task: str, answers: CachedAnswers, progress: Report) -> Answers | None:
    """Return the champion's answers to the gate texts whose label it knows."""
    numbers = {label: number for number, label in enumerate(answers.labels)}
    with read(workplace.engine) as session:
        rows = [row for row in labeled_texts(session, task, Part.GATE) if row.label in numbers]
    if not rows:
        return None
    seen = answers.observe([row.text for row in rows], [None] * len(rows), progress)
    return Answers(seen.probs, np.array([numbers[row.label] for row in rows]))
