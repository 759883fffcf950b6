"""One look at a task's bank: the champion's reference, the newest window, and the report."""

import time
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ingest.bank.commits import DataFile
from registry.database import read
from registry.errors import HyperMatchError
from registry.labels import labeled_texts
from registry.lifecycle.versions import champion_of
from registry.tables import LabeledText, ModelVersion, Part
from trainer.drift.answers import CHUNK_TEXTS, CachedAnswers, hashes_of
from trainer.drift.observed import Observed
from trainer.drift.recipe import DriftRecipe
from trainer.drift.report import DriftReport
from trainer.drift.stream import Stream, read_stream
from trainer.drift.stretches import Banked, Stretches
from trainer.drift.volume import recent, volumes
from trainer.drift.watch import look, make_reference
from trainer.errors import NotAnswered, NotWatchable
from trainer.evaluation import Answers
from trainer.workplace import Report, Workplace


@dataclass(frozen=True)
class Look:
    """A report, what it is about, and what it was made of."""

    report: DriftReport
    version: ModelVersion
    bank_version: int
    reference: Observed
    window: Observed
    labels: list[str]
    gate: Answers | None                              # the champion's answers to labeled texts


def look_at_bank(workplace: Workplace, task: str, recipe: DriftRecipe, seed: int,
                 progress: Report = lambda _step, _done: None, max_seconds: float | None = None) -> Look:
    """Compare the newest window with what the champion was trained beside; raises NotWatchable saying what is lacking.

    The reference is the newest texts of the champion's bank version; a champion that was
    trained without the bank is watched from the oldest texts on. With `max_seconds`, what
    was not answered by then is left for the next look, which begins where this one ended.
    """
    version, bank_version = champion_to_watch(workplace, task), workplace.bank.version
    if bank_version is None:
        raise NotWatchable(f"the bank holds no text of task {task}", "`hypermatch ingest run` banks production text")
    files = workplace.bank.files()
    stretches = Stretches(workplace.bank, workplace.cache, task)
    stream = read_stream(stretches, files, trained_at(workplace, version, files), recipe)
    _check(stream, task, recipe)
    answers = CachedAnswers(version, workplace.store, workplace.cache, workplace.threads)
    gate = _gate_rows(workplace, task, answers.labels)
    if max_seconds is not None:
        _answer_some(answers, stream, gate, max_seconds)
    past = _observed(answers, stream.past, progress) if stream.past else None
    reference, window = (_observed(answers, part, progress) for part in (stream.reference, stream.window))
    ready = make_reference(reference, recipe, seed, past)
    judged = _answered(answers, gate, progress)
    found = look(ready, window, recipe, seed, answers.labels, judged,
                 counts={name: stream.counts(part) for name, part in (("reference", stream.reference),
                                                                      ("window", stream.window))},
                 volume=volumes(recent(stretches, files, stream.window[0].banked_at), stream.window[0].banked_at,
                                recipe.alpha))
    return Look(found, version, bank_version, reference, window, answers.labels, judged)


def champion_to_watch(workplace: Workplace, task: str) -> ModelVersion:
    with read(workplace.engine) as session:
        version = champion_of(session, task)
    if version is None:
        raise NotWatchable(f"task {task} has no champion", "approve and promote a version first")
    return version


def trained_at(workplace: Workplace, version: ModelVersion, files: list[DataFile]) -> datetime | None:
    """Return the moment up to which the champion may know the bank; None if it was trained without it.

    Where Delta's log no longer reaches back to the champion's bank version, it is when the version was made.
    """
    if version.bank_version is None:
        return None
    try:
        return workplace.bank.committed_at(version.bank_version)
    except HyperMatchError:
        return version.created_at if any(file.first_at <= version.created_at for file in files) else None


def _check(stream: Stream, task: str, recipe: DriftRecipe) -> None:
    if len(stream.reference) < recipe.min_reference_texts:
        raise NotWatchable(f"the reference of {task} has {len(stream.reference)} texts, "
                           f"at least {recipe.min_reference_texts} are needed")
    if len(stream.window) < recipe.window_texts:
        raise NotWatchable(f"{len(stream.window)} texts were banked since the reference, "
                           f"a window has {recipe.window_texts}")


def _answer_some(answers: CachedAnswers, stream: Stream, gate: list[LabeledText], max_seconds: float) -> None:
    """Answer texts for so long; raises NotAnswered if more are left."""
    texts = [each.text for part in (stream.window, stream.reference, stream.past) for each in part]
    texts += [row.text for row in gate]
    missing, deadline = answers.missing(texts, hashes_of(texts)), time.monotonic() + max_seconds
    for start in range(0, len(missing), CHUNK_TEXTS):
        if start and time.monotonic() >= deadline:    # at least one chunk, so that some look is the last
            raise NotAnswered(f"{len(missing) - start} of {len(texts)} texts are not answered yet",
                              "the next look goes on with them")
        answers.keep(missing[start : start + CHUNK_TEXTS])


def _observed(answers: CachedAnswers, texts: list[Banked], progress: Report) -> Observed:
    return answers.observe([each.text for each in texts], [each.source for each in texts], progress)


def _gate_rows(workplace: Workplace, task: str, labels: list[str]) -> list[LabeledText]:
    """Return the gate texts whose label the champion knows."""
    with read(workplace.engine) as session:
        return [row for row in labeled_texts(session, task, Part.GATE) if row.label in set(labels)]


def _answered(answers: CachedAnswers, gate: list[LabeledText], progress: Report) -> Answers | None:
    if not gate:
        return None
    seen = answers.observe([row.text for row in gate], [None] * len(gate), progress)
    return Answers(seen.probs, np.array([answers.labels.index(row.label) for row in gate]))
