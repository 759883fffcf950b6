"""The candidate pool: bank texts that the champion finds novel or is unsure of, beside what people labeled."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from registry.database import read
from registry.labels import labeled_texts
from registry.tables import ModelVersion, Part
from registry.tasks import label_space
from registry.text import normalize
from trainer.discovery.number import number_by_share
from trainer.discovery.recipe import DiscoveryRecipe
from trainer.drift.answers import CachedAnswers
from trainer.drift.tick import champion_to_watch
from trainer.errors import NotWatchable
from trainer.learning.embedded import Labeled
from trainer.workplace import Report, Workplace

MAX_LABELED = 5_000                                   # labels that hold the known classes in place
NOVEL_AT = 0.95                                       # for a model that says nothing of its own


@dataclass(frozen=True)
class Pool:
    """Candidates (n) with what the champion says of them, and labeled vectors of the classes that have any."""

    version: ModelVersion
    bank_version: int
    encoder: str
    texts: list[str]
    at: list[datetime]
    vectors: np.ndarray                               # (n, d)
    guesses: list[str]                                # the champion's label for each
    novelty: np.ndarray                               # (n,)
    is_novel: np.ndarray                              # (n,)
    labeled: Labeled
    labeled_texts: list[str]
    known: list[str]                                  # the names of its classes
    labels: list[str]                                 # of the newest label space
    n_by_share: float | None                          # of classes, by the share of all texts that is novel
    n_looked_at: int
    since: datetime
    until: datetime


def gather_pool(workplace: Workplace, task: str, recipe: DiscoveryRecipe, seed: int, report: Report) -> Pool:
    """Read the newest bank texts and keep the candidates; raises NotWatchable saying what is lacking.

    Labeled texts are no candidates, and gate texts are not even looked at. Classes that
    were accepted but not learned yet are known here by their labels.
    """
    version, bank_version = champion_to_watch(workplace, task), workplace.bank.version
    if bank_version is None:
        raise NotWatchable(f"the bank holds no text of task {task}", "`hypermatch ingest run` banks production text")
    with read(workplace.engine) as session:
        labels = list(label_space(session, task).labels)
        train = [row for row in labeled_texts(session, task, Part.TRAIN) if row.label in set(labels)]
        known = {row.text for row in [*train, *labeled_texts(session, task, Part.GATE)]}
    if len({row.label for row in train}) < 2:
        raise NotWatchable(f"task {task} has train labels of fewer than two classes", "`hypermatch labels import`")
    rows = [row for row in workplace.bank.texts(task, version=bank_version, limit=recipe.max_texts).to_pylist()
            if normalize(row["text"]) not in known]
    if len(rows) < recipe.min_texts:
        raise NotWatchable(f"the bank holds {len(rows)} texts of {task} that nobody labeled, "
                           f"at least {recipe.min_texts} are needed")
    answers = CachedAnswers(version, workplace.store, workplace.cache, workplace.threads)
    train = [train[row] for row in np.sort(np.random.default_rng(seed).permutation(len(train))[:MAX_LABELED])]
    texts = [row["text"] for row in rows]
    seen = answers.observe([row.text for row in train] + texts, [None] * (len(train) + len(texts)),
                           lambda _step, done: report("embedding", done))
    novel_at = answers.predictor.novel_at
    bank = seen.take(np.arange(len(train), len(seen)))
    kept = candidates(bank.novelty, bank.probs.max(axis=1), novel_at is not None, recipe)
    at = [row["at"] for row in rows]
    return Pool(
        version=version, bank_version=bank_version, encoder=answers.predictor.facts.encoder,
        texts=[texts[row] for row in kept], at=[at[row] for row in kept], vectors=bank.vectors[kept],
        guesses=[answers.labels[number] for number in bank.probs[kept].argmax(axis=1)],
        novelty=bank.novelty[kept],
        is_novel=bank.novelty[kept] >= (novel_at if novel_at is not None else np.quantile(bank.novelty, NOVEL_AT)),
        labeled=_compact(seen.vectors[: len(train)], [row.label for row in train]),
        labeled_texts=[row.text for row in train],
        known=sorted({row.label for row in train}), labels=labels,
        n_by_share=None if novel_at is None else number_by_share(bank.novelty, len(answers.labels)),
        n_looked_at=len(texts), since=min(at), until=max(at))


def candidates(novelty: np.ndarray, confidence: np.ndarray, is_calibrated: bool,
               recipe: DiscoveryRecipe) -> np.ndarray:
    """Return the rows of texts that are novel or that the model is unsure of, the most novel if there are too many."""
    bar = recipe.candidate_novelty if is_calibrated else float(np.quantile(novelty, 1 - recipe.candidate_share))
    rows = np.flatnonzero((novelty >= bar) | (confidence < recipe.candidate_confidence))
    if len(rows) > recipe.max_candidates:
        rows = rows[np.argsort(-novelty[rows], kind="stable")[: recipe.max_candidates]]
    return np.sort(rows)


def _compact(vectors: np.ndarray, labels: list[str]) -> Labeled:
    """Number the classes that have labels from 0 on."""
    names, numbers = np.unique(np.array(labels), return_inverse=True)
    return Labeled(vectors, numbers.astype(np.int64), len(names))
