"""How much of the traffic is novel, and from where on a text is more likely novel than known, without labels."""

from dataclasses import dataclass

import numpy as np
from sklearn.isotonic import IsotonicRegression

MIN_TEXTS = 500                                       # 10 in each bin
N_BINS = 50
FAMILIAR = 0.5                                        # below it hardly any text is novel


@dataclass(frozen=True)
class NovelTraffic:
    """The share of the traffic that is novel, and the novelty at which known and novel texts are equally many."""

    share: float
    even_at: float                                    # at least 1 / 2


def novel_traffic(novelty: np.ndarray) -> NovelTraffic | None:
    """Read both off the novelty (n,) of texts as they come; None if these are too few.

    Known texts alone would spread evenly over [0, 1), as novelty is their rank among known
    texts: what exceeds that is novel. How many are known is counted where nearly all are
    (Storey, JRSS B 2002), and the threshold is where the local false discovery rate is one
    half (Efron et al., JASA 2001), with a density that only rises, as novel texts do look novel.
    """
    if len(novelty) < MIN_TEXTS:
        return None
    known = min(float((novelty < FAMILIAR).mean()) / FAMILIAR, 1.0)
    counts, edges = np.histogram(novelty, bins=N_BINS, range=(0, 1))
    density = IsotonicRegression().fit_transform(np.arange(N_BINS), counts * N_BINS / len(novelty))
    mostly_novel = np.flatnonzero(density >= 2 * known)
    even_at = edges[mostly_novel[0]] if len(mostly_novel) else 1 - 1 / len(novelty)
    return NovelTraffic(1 - known, float(np.clip(even_at, FAMILIAR, 1 - 1 / len(novelty))))
