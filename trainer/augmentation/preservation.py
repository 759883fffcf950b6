"""Which views still mean the class of their text: no reversal, and a student who did not see the text still says so."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.augmentation.polarity import is_reversed
from trainer.augmentation.synonyms import Synonyms


@dataclass(frozen=True)
class Judged:
    """For each view (m,): whether it is kept, and what counted against it."""

    is_kept: np.ndarray
    is_reversed: np.ndarray
    is_doubted: np.ndarray                            # by the student


def judged(texts: Sequence[str], views: Sequence[str], classes: np.ndarray, of_text: np.ndarray, of_view: np.ndarray,
           min_share: float, synonyms: Synonyms | None = None) -> Judged:
    """Judge each view (m) of a text (m) of a class (m,) by what a student says of both, (m, C) each.

    A view is doubted if the student gives its class less than `min_share` of what it gives
    the text, or takes it for another class where it took the text for its own.
    """
    turned = np.array([is_reversed(text, view, synonyms) for text, view in zip(texts, views, strict=True)], bool)
    rows = np.arange(len(views))
    doubted = of_view[rows, classes] < min_share * of_text[rows, classes]
    doubted |= (of_text.argmax(axis=1) == classes) & (of_view.argmax(axis=1) != classes)
    return Judged(~turned & ~doubted, turned, doubted)
