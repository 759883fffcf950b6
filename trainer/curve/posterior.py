"""What the measured scores leave possible: curves drawn from every law, weighted by how well they explain them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trainer.curve.laws import LAWS
from trainer.curve.points import Evidence

N_PRIOR = 20_000                                      # draws per law before the scores have spoken
N_KEPT = 4_000
ROOM = (1.0, 1.0)                                     # Beta prior: share of the errors that more labels can mend
MOST_TIMES = 1_000.0                                  # labels at hand; beyond it no law is to be believed


@dataclass(frozen=True)
class Posterior:
    """Curves (N_KEPT), alike in likelihood; each is `top - (top - height) * gap_left(n / scale)`, less its luck.

    The luck of the labels at hand is in every measured score; of it `scale / n` is left
    when they are but a part of n labels.
    """

    scale: float                                      # labels at the largest measured size
    heights: np.ndarray                               # accuracy there
    tops: np.ndarray                                  # asymptotes
    laws: np.ndarray                                  # numbers into LAWS
    parameters: np.ndarray                            # (N_KEPT, 2)
    luck: np.ndarray                                  # accuracy that the labels at hand owe to luck
    weights: Mapping[str, float]                      # how much of the posterior each law holds
    evidence: Evidence

    def at(self, n_labels: np.ndarray) -> np.ndarray:
        """Return what each curve says, (N_KEPT, len(n_labels))."""
        z = np.asarray(n_labels, float)[None, :] / self.scale
        left = np.empty((len(self.heights), z.shape[1]))
        for number, law in enumerate(LAWS.values()):
            rows = self.laws == number
            columns = [self.parameters[rows, i, None] for i in range(len(law.priors))]
            left[rows] = law.gap_left(z, *columns)
        worn = self.luck[:, None] * (1 - 1 / np.maximum(z, 1))
        curves = self.tops[:, None] - (self.tops - self.heights)[:, None] * left - worn
        return curves.clip(0, 1)


def posterior_of(evidence: Evidence, seed: int) -> Posterior:
    """Weigh draws of every law's prior by the likelihood of the scores, and keep some.

    A mixture over laws as in arXiv 2310.20447. The height is integrated out exactly (a
    curve is linear in it), so that only an asymptote and one or two parameters are drawn
    and no chain has to converge.
    """
    generator = np.random.default_rng(seed)
    drawn = [_draws(number, evidence, generator) for number in range(len(LAWS))]
    log_weights = np.concatenate([each.log_weights for each in drawn])
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.sum()
    kept = generator.choice(len(weights), N_KEPT, p=weights)
    laws = np.repeat(np.arange(len(LAWS)), N_PRIOR)
    room, heights, parameters = (np.concatenate([getattr(each, name) for each in drawn])[kept]
                                 for name in ("room", "heights", "parameters"))
    heights = (heights + generator.normal(0, evidence.judge_error, N_KEPT)).clip(0, 1)
    luck = generator.normal(0, evidence.luck, N_KEPT)
    shares = {name: float(weights[laws == number].sum()) for number, name in enumerate(LAWS)}
    return Posterior(float(evidence.sizes[-1]), heights, heights + room * (1 - heights), laws[kept], parameters,
                     luck, shares, evidence)


@dataclass(frozen=True)
class _Draws:
    log_weights: np.ndarray                           # (N_PRIOR,)
    room: np.ndarray
    heights: np.ndarray
    parameters: np.ndarray                            # (N_PRIOR, 2)


def _draws(number: int, evidence: Evidence, generator: np.random.Generator) -> _Draws:
    """Draw one law's asymptote and parameters, and the height that the scores allow with them.

    With `gone` the share of the gap that is closed, a curve is
    `height * (1 - room * gone) + room * gone`: least squares in `height`.
    """
    law = list(LAWS.values())[number]
    room = generator.beta(*ROOM, (N_PRIOR, 1))
    parameters = law.draw(N_PRIOR, generator)
    mended = room * (1 - law.gap_left(evidence.sizes[None, :] / evidence.sizes[-1], *parameters))     # (N_PRIOR, S)
    slope, wanted = 1 - mended, evidence.scores - mended
    precision = 1 / evidence.errors**2
    information = (slope**2 * precision).sum(axis=1)
    best = (slope * wanted * precision).sum(axis=1) / information
    misfit = ((wanted - slope * best[:, None]) ** 2 * precision).sum(axis=1)
    heights = generator.normal(best, information**-0.5)
    padded = np.concatenate([*parameters, *[np.zeros_like(room)] * (2 - len(parameters))], axis=1)
    log_weights = np.log(law.share) - 0.5 * misfit - 0.5 * np.log(information)
    return _Draws(log_weights, room[:, 0], heights, padded)
