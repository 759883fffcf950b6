"""What the language model wrote and labeled, and which of it is worth learning from."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trainer.language_model.at_hand import AtHand, Student
from trainer.language_model.filters import Sieve, apart, balanced, first_of_kind, may_overrule, of_length
from trainer.language_model.hypermix import Written
from trainer.language_model.labeling import Readings
from trainer.language_model.recipe import LanguageModelRecipe

TRAFFIC = "traffic"


@dataclass(frozen=True)
class Found:
    """Written texts and then traffic, n in all, with labels (n, C), trust (n,) and whether the prompts agree (n,)."""

    written: Sequence[Written]
    traffic: Sequence[str]
    soft_labels: np.ndarray
    trust: np.ndarray
    agree: np.ndarray
    reader: str

    @property
    def texts(self) -> list[str]:
        return [*(each.text for each in self.written), *self.traffic]

    def provenance(self, row: int) -> dict[str, Any]:
        """Say where a text and its label came from."""
        if row >= len(self.written):
            return {"source": TRAFFIC, "generator": self.reader, "prompt": "", "origin": ()}
        told = asdict(self.written[row])
        return {key: told[key] for key in ("source", "generator", "prompt", "origin")}


@dataclass(frozen=True)
class Overruling:
    """Whether the language model may contradict the student, where its prompts disagree and where they agree."""

    allowed: tuple[bool, bool] = (True, True)

    @classmethod
    def of(cls, readings: Readings, classes: np.ndarray, student: Student) -> "Overruling":
        """Measure both on the human labels, each cross-wise."""
        model_is_right = readings.probs.argmax(axis=1) == classes
        student_is_right = student.human_probs.argmax(axis=1) == classes
        rows = [readings.agree == group for group in (False, True)]
        disagree, agree = (may_overrule(model_is_right[each], student_is_right[each]) for each in rows)
        return cls((disagree, agree))


def sifted(found: Found, overruling: Overruling, at_hand: AtHand,
           recipe: LanguageModelRecipe) -> tuple[np.ndarray, dict[str, int]]:
    """Return the rows to keep and how many each filter took out."""
    texts, classes = found.texts, found.soft_labels.argmax(axis=1) if len(found.trust) else np.zeros(0, int)
    sieve = Sieve(len(texts))
    sieve.keep("length", lambda rows: of_length(at(texts, rows), recipe.min_chars, recipe.max_chars))
    sieve.keep("near the gate set", lambda rows: apart(at(texts, rows), at_hand.gate_texts,
                                                       recipe.max_gate_similarity))
    sieve.keep("near a human label", lambda rows: apart(at(texts, rows), at_hand.human.texts, recipe.max_similarity))
    sieve.keep("near duplicate", lambda rows: first_of_kind(at(texts, rows), recipe.max_similarity))
    sieve.keep("low trust", lambda rows: found.trust[rows] >= recipe.min_trust)
    if at_hand.student is not None:
        student = at_hand.student
        sieve.keep("contradicts the student", lambda rows: may_stand(
            student.probs(at(texts, rows)).argmax(axis=1) == classes[rows], found.agree[rows], overruling))
    sieve.keep("imbalance", lambda rows: balanced(classes[rows], found.trust[rows], recipe.max_imbalance))
    return sieve.rows, sieve.dropped


def sifted_unlabeled(written: Sequence[Written], at_hand: AtHand, recipe: LanguageModelRecipe) -> list[str]:
    """Keep unlabeled texts that are new, of good length, and apart from the gate set."""
    texts = [each.text for each in written]
    sieve = Sieve(len(texts))
    sieve.keep("length", lambda rows: of_length(at(texts, rows), recipe.min_chars, recipe.max_chars))
    sieve.keep("gate", lambda rows: apart(at(texts, rows), at_hand.gate_texts, recipe.max_gate_similarity))
    sieve.keep("duplicate", lambda rows: first_of_kind(at(texts, rows), recipe.max_similarity))
    return at(texts, sieve.rows)


def may_stand(student_agrees: np.ndarray, prompts_agree: np.ndarray, overruling: Overruling) -> np.ndarray:
    return student_agrees | np.array(overruling.allowed)[prompts_agree.astype(int)]


def at(texts: Sequence[str], rows: np.ndarray) -> list[str]:
    return [texts[row] for row in rows]
