"""Use semi-supervised learning now? Decided from the human labels alone, with the evidence kept."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.stats import beta

from trainer.learning.label_names import NameEvidence

Arm = Literal["labels-only", "in-domain", "augmented", "advised", "fine-tuned", "zero-data"]
Contender = Literal["augmented", "advised", "fine-tuned"]
CONTENDERS: dict[Contender, tuple[str, str]] = {      # under which name the evidence is kept, and what is told
    "augmented": ("views", "learning from other wordings of the labeled texts"),
    "advised": ("advice", "the language model's advice"),
    "fine-tuned": ("fine_tuning", "fine-tuning the encoder"),
}


@dataclass(frozen=True)
class Duel:
    """What two heads answered to labels that neither saw."""

    n_asked: int
    wins: int                                         # only the semi-supervised head was right
    losses: int                                       # only the labels-only head was right

    @classmethod
    def of(cls, classes: np.ndarray, labels_only: np.ndarray, semi_supervised: np.ndarray) -> "Duel":
        """Compare answers (n,) to the truth (n,)."""
        old, new = labels_only == classes, semi_supervised == classes
        return cls(len(classes), int((new & ~old).sum()), int((old & ~new).sum()))

    def certainty(self, expected: "Expectation") -> float:
        """Return the probability that the semi-supervised head is right more often."""
        return float(beta.sf(0.5, expected.wins + self.wins, expected.losses + self.losses))


@dataclass(frozen=True)
class Expectation:
    """What is believed before any label of the task is asked, as labels won and lost; equal odds unless said."""

    wins: float = 1.0
    losses: float = 1.0


@dataclass(frozen=True)
class Choice:
    """The arm whose head is exported, and why."""

    arm: Arm
    reason: str
    evidence: dict[str, Any]


def without_bank(names: NameEvidence | None) -> Choice:
    """Choose labels, and names that speak, alone: the bank has too few texts to say anything."""
    return Choice("labels-only", f"the bank holds too few texts{_beside(names)}",
                  {} if names is None else {"names": _told_of(names)})


def _beside(names: NameEvidence | None) -> str:
    """Say that the names are learned from beside the labels, if they are."""
    if names is None or not names.is_convincing:
        return ""
    return f"; the label names, which tell {names.n_right} of {names.n_labels} labels, are one more label each"


def _told_of(names: NameEvidence) -> dict[str, Any]:
    return {"right": names.n_right, "labels": names.n_labels, "odds": names.odds}


def choose(duel: Duel | None, names: NameEvidence | None, expected: Expectation, min_certainty: float) -> Choice:
    """Choose semi-supervised learning unless held-out labels outweigh what other tasks lead to expect of it."""
    heard = duel or Duel(0, 0, 0)
    certainty = heard.certainty(expected)
    evidence: dict[str, Any] = {"certainty": round(certainty, 4)}
    if names is not None:
        evidence["names"] = _told_of(names)
    if duel is not None:
        evidence["duel"] = {"asked": duel.n_asked, "wins": duel.wins, "losses": duel.losses}
    told = (f"{heard.wins} labels won and {heard.losses} lost of {heard.n_asked} held out" if duel is not None else
            "no class has a second label to hold out")
    if certainty < min_certainty:
        return Choice("labels-only", f"in-domain learning is not shown to help: {told}{_beside(names)}", evidence)
    if heard.wins > heard.losses:
        return Choice("in-domain", f"in-domain learning helps: {told}", evidence)
    if names is not None and names.is_convincing:
        return Choice("in-domain", f"{told}, and the label names tell {names.n_right} of {names.n_labels} labels",
                      evidence)
    return Choice("in-domain", f"{told}, and on other tasks in-domain learning helps", evidence)


def choose_more(arm: Contender, choice: Choice, duel: Duel | None, min_certainty: float) -> Choice:
    """Take what goes beyond labels and bank only where held-out human labels say that it adds to what was chosen."""
    name, what = CONTENDERS[arm]
    if duel is None:
        return replace(choice, reason=f"{choice.reason}; no held-out label can speak for {what}")
    told = f"{duel.wins} labels won and {duel.losses} lost of {duel.n_asked} held out"
    certainty = duel.certainty(Expectation())
    evidence = choice.evidence | {name: {"asked": duel.n_asked, "wins": duel.wins, "losses": duel.losses,
                                         "certainty": round(certainty, 4)}}
    if certainty >= min_certainty:
        return Choice(arm, f"{what} helps: {told}", evidence)
    return Choice(choice.arm, f"{choice.reason}; {what} is not shown to help: {told}", evidence)
