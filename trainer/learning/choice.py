"""Use semi-supervised learning now? Decided from the human labels alone, with the evidence kept."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.stats import beta

from trainer.learning.label_names import NameEvidence

Arm = Literal["labels-only", "in-domain", "advised", "fine-tuned"]


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

    @property
    def certainty(self) -> float:
        """Probability that the semi-supervised head is right more often, equal odds before any answer."""
        return float(beta.sf(0.5, 1 + self.wins, 1 + self.losses))


@dataclass(frozen=True)
class Choice:
    """The arm whose head is exported, and why."""

    arm: Arm
    reason: str
    evidence: dict[str, Any]


def choose(duel: Duel | None, names: NameEvidence | None, min_certainty: float) -> Choice:
    """Choose semi-supervised learning only where held-out labels, or failing them the label names, speak for it."""
    evidence: dict[str, Any] = {}
    if names is not None:
        evidence["names"] = {"right": names.n_right, "labels": names.n_labels, "chance": names.chance}
    if duel is not None:
        evidence["duel"] = {"asked": duel.n_asked, "wins": duel.wins, "losses": duel.losses,
                            "certainty": round(duel.certainty, 4)}
        told = f"{duel.wins} labels won and {duel.losses} lost of {duel.n_asked} held out"
        if duel.certainty >= min_certainty:
            return Choice("in-domain", f"in-domain learning helps: {told}", evidence)
        return Choice("labels-only", f"in-domain learning is not shown to help: {told}", evidence)
    if names is not None and names.is_convincing:
        return Choice("in-domain", f"no class has a second label to hold out, but the label names tell "
                                   f"{names.n_right} of {names.n_labels} labels", evidence)
    return Choice("labels-only", "cannot tell yet: no class has a second label to hold out", evidence)


def choose_advice(choice: Choice, duel: Duel | None, min_certainty: float) -> Choice:
    """Take a language model's advice only where held-out human labels say that it adds to what was chosen without."""
    if duel is None:
        return replace(choice, reason=f"{choice.reason}; no held-out label can speak for the language model")
    told = f"{duel.wins} labels won and {duel.losses} lost of {duel.n_asked} held out"
    evidence = choice.evidence | {"advice": {"asked": duel.n_asked, "wins": duel.wins, "losses": duel.losses,
                                             "certainty": round(duel.certainty, 4)}}
    if duel.certainty >= min_certainty:
        return Choice("advised", f"the language model's advice helps: {told}", evidence)
    return Choice(choice.arm, f"{choice.reason}; the language model's advice is not shown to help: {told}", evidence)


def choose_tuned(choice: Choice, duel: Duel | None, min_certainty: float) -> Choice:
    """Take the tuned encoder only where labels held out from its tuning say that it beats what was chosen without."""
    if duel is None:
        return replace(choice, reason=f"{choice.reason}; no held-out label can speak for fine-tuning")
    told = f"{duel.wins} labels won and {duel.losses} lost of {duel.n_asked} held out"
    evidence = choice.evidence | {"fine_tuning": {"asked": duel.n_asked, "wins": duel.wins, "losses": duel.losses,
                                                  "certainty": round(duel.certainty, 4)}}
    if duel.certainty >= min_certainty:
        return Choice("fine-tuned", f"fine-tuning the encoder helps: {told}", evidence)
    return Choice(choice.arm, f"{choice.reason}; fine-tuning the encoder is not shown to help: {told}", evidence)
