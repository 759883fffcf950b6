"""Measures a model on the gate set, with intervals, through the predictor that serves."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from serving.predictor import Predictor
from trainer.intervals import Interval, bootstrap, wilson

N_BINS = 15
LATENCY_ROUNDS = 30
MAX_RECALL_CLASSES = 1_000                            # a record in the registry, not a report


@dataclass(frozen=True)
class Answers:
    """What a model says of labeled texts."""

    probs: np.ndarray                                 # (n, C)
    classes: np.ndarray                               # (n,), what people said

    @property
    def guesses(self) -> np.ndarray:
        return self.probs.argmax(axis=1)

    @property
    def is_right(self) -> np.ndarray:
        return self.guesses == self.classes


@dataclass(frozen=True)
class Latency:
    """How long one text takes, one after the other, on the machine that trained."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Evaluation:
    """What was measured on the gate set."""

    n_texts: int
    accuracy: Interval
    macro_f1: Interval
    ece: float
    calibration: list[dict[str, float]]               # equally full bins: confidence, accuracy, n_texts
    recall: dict[str, dict[str, float]]               # label -> value, n_texts
    latency: Latency
    size_bytes: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(answers: Answers, labels: list[str], latency: Latency, size_bytes: int, *, confidence: float,
             n_resamples: int, seed: int) -> Evaluation:
    """Summarize at least one answer."""
    n = len(answers.classes)
    macro_f1 = bootstrap(lambda rows: macro_f1_of(answers.classes[rows], answers.guesses[rows], len(labels)), n,
                         confidence=confidence, n_resamples=min(n_resamples, 1_000), seed=seed)
    return Evaluation(n_texts=n, accuracy=wilson(int(answers.is_right.sum()), n, confidence), macro_f1=macro_f1,
                      ece=ece(answers), calibration=calibration_of(answers), recall=recall_of(answers, labels),
                      latency=latency, size_bytes=size_bytes)


def macro_f1_of(classes: np.ndarray, guesses: np.ndarray, n_classes: int) -> float:
    """Return the mean F1 over the classes that occur in either."""
    hits = np.bincount(classes[classes == guesses], minlength=n_classes)
    total = np.bincount(classes, minlength=n_classes) + np.bincount(guesses, minlength=n_classes)
    return float((2 * hits[total > 0] / total[total > 0]).mean())


def ece(answers: Answers) -> float:
    """Return the expected calibration error over equally full bins of confidence."""
    bins = calibration_of(answers)
    gaps = [abs(each["confidence"] - each["accuracy"]) * each["n_texts"] for each in bins]
    return sum(gaps) / sum(each["n_texts"] for each in bins)


def calibration_of(answers: Answers) -> list[dict[str, float]]:
    """Return equally full bins of confidence, the least confident first, with the accuracy of each."""
    confidence = answers.probs.max(axis=1)
    order = np.argsort(confidence, kind="stable")
    return [{"confidence": float(confidence[rows].mean()), "accuracy": float(answers.is_right[rows].mean()),
             "n_texts": len(rows)} for rows in np.array_split(order, min(N_BINS, len(order)))]


def recall_of(answers: Answers, labels: list[str]) -> dict[str, dict[str, float]]:
    """Return per label the share of its texts that were found, and how many texts that rests on."""
    found = {}
    for number in np.unique(answers.classes)[:MAX_RECALL_CLASSES]:
        rows = answers.classes == number
        found[labels[number]] = {"value": float(answers.is_right[rows].mean()), "n_texts": int(rows.sum())}
    return found


def latency_of(predictor: Predictor, texts: list[str]) -> Latency:
    """Time single texts after a warm-up."""
    predictor.probs(texts[:1])
    seconds = []
    for text in (texts * LATENCY_ROUNDS)[:LATENCY_ROUNDS]:
        started = time.perf_counter()
        predictor.probs([text])
        seconds.append(time.perf_counter() - started)
    return Latency(*(round(float(each) * 1_000, 3) for each in np.quantile(seconds, [0.5, 0.99])))
