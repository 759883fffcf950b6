"""A loaded model: texts in, probabilities and novelty out, by the same code in training's proof and in serving."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from registry.artifacts.bundle import Bundle
from registry.text import normalize
from serving.errors import GoldenMismatch, UnfitBundle
from serving.predictor.graphs import check_signature
from serving.predictor.network import Bodies, Network, Opener, Run, open_network
from serving.predictor.ngrams import NgramFeatures
from serving.predictor.pace import AT_ONCE, Pace
from serving.predictor.tokens import TokenFeatures

FEATURES: dict[str, type[TokenFeatures] | type[NgramFeatures]] = {"tokens": TokenFeatures, "ngrams": NgramFeatures}
BUCKET = 8                                            # widths are multiples of it, so that shapes repeat
MAX_ROWS = 64                                         # rows of one run; beyond it a CPU gains nothing
RUN_COST = 96                                         # tokens of padding worth saving a run (MiniLM, 2 cores)
WARM_UP_ROWS = {"CPUExecutionProvider": (1, 8)}        # a CPU allocates, a device also compiles for full batches
WARM_UP_ROWS_OF_A_DEVICE = (1, 8, 32)


class Predictor:
    """One bundle on ONNX Runtime; safe to call from several threads."""

    def __init__(self, bundle: Bundle, features: TokenFeatures | NgramFeatures, network: Network) -> None:
        self.digest, self.facts, self.labels, self.golden = bundle.digest, bundle.facts, bundle.labels, bundle.golden
        self.features, self.session = features, network
        self.novel_at = None if bundle.facts.novelty is None else bundle.facts.novelty.threshold

    @classmethod
    def load(cls, bundle: Bundle, providers: Sequence[str], threads: int = 0, bodies: Bodies | None = None,
             pace: Pace = AT_ONCE) -> "Predictor":
        """Open a verified bundle; raises UnfitBundle naming what no server may load.

        `threads` is per run; 0 leaves it to ONNX Runtime (one per core). A body in `bodies`,
        which holds those on the same providers and threads, is shared.
        """
        name = f"bundle {bundle.digest[:12]}"
        network = open_network(bundle.model, bundle.body, Opener(providers, threads, name),
                               Bodies() if bodies is None else bodies, pace)
        features = FEATURES[bundle.facts.features](bundle.features)
        check_signature(network, features.inputs, len(bundle.labels), name)
        return cls(bundle, features, network)

    def probs(self, texts: Sequence[str], pace: Pace = AT_ONCE) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities (n, C) and the novelty (n,), float32, in the order of `texts`."""
        return self._computed(texts, partial(pace.spend, self.session.run))

    def _computed(self, texts: Sequence[str], run: Run) -> tuple[np.ndarray, np.ndarray]:
        features = self.features([normalize(text) for text in texts]) if texts else {}
        probs = np.empty((len(texts), len(self.labels)), dtype=np.float32)
        novelty = np.empty(len(texts), dtype=np.float32)
        for rows, batch in runs(features, self.features.inputs):
            run_probs, run_novelty = run(["probs", "novelty"], batch)
            if run_probs.shape[1:] != probs.shape[1:]:
                raise UnfitBundle(f"bundle {self.digest[:12]}: its graph answers {run_probs.shape[1]} labels, "
                                  f"labels.json lists {len(self.labels)}")
            probs[rows], novelty[rows] = run_probs, run_novelty
        return probs, novelty

    def warm_up(self, pace: Pace = AT_ONCE) -> None:
        """Run the shapes that traffic will bring: the first run of a shape allocates, on a GPU it also compiles.

        A body that others share has run them already.
        """
        if self.session.is_shared:
            return
        texts = self.golden.texts
        provider = self.session.get_providers()[0]
        for n in WARM_UP_ROWS.get(provider, WARM_UP_ROWS_OF_A_DEVICE):
            self.probs([texts[index % len(texts)] for index in range(n)], pace)

    def check_golden(self, pace: Pace = AT_ONCE) -> None:
        """Reproduce the answers recorded at export; raises GoldenMismatch with the largest difference."""
        texts, rows, run = self.golden.texts, pace.rows, partial(pace.spend, self.session.proof())
        answers = [self._computed(texts[start:start + rows], run) for start in range(0, len(texts), rows)]
        probs, novelty = (np.concatenate(each) for each in zip(*answers, strict=True))
        difference = np.abs(probs - np.asarray(self.golden.probs, dtype=np.float32))
        worst = float(difference.max())               # NaN if any answer is NaN, and then no bound holds
        if not worst <= self.golden.tolerance or not np.isfinite(novelty).all():
            text = texts[int(difference.max(axis=1).argmax())]
            raise GoldenMismatch(f"bundle {self.digest[:12]} does not reproduce its golden answers: a probability "
                                 f"of {text[:60]!r} differs by {worst:.4f}, allowed is {self.golden.tolerance}")


def runs(features: dict[str, np.ndarray], inputs: Sequence[str]) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Cut a batch into runs of similar length; each names its rows and is padded to a multiple of BUCKET."""
    if not features:
        return
    lengths = np.maximum(np.count_nonzero(features[inputs[-1]], axis=1), 1)      # mask, or ids with 0 as padding
    order = np.argsort(-lengths, kind="stable")
    widths = -(-lengths[order] // BUCKET) * BUCKET
    start = 0
    for stop in _stops(widths):
        rows = order[start:stop]
        yield rows, {key: _fitted(features[key], rows, int(widths[start])) for key in inputs}
        start = stop


def _stops(widths: np.ndarray) -> Iterator[int]:
    """Yield where each run ends: where padding the next bucket to this width costs more than a run of its own."""
    start = 0
    for stop in [*np.flatnonzero(np.diff(widths)) + 1, len(widths)]:
        while stop - start > MAX_ROWS:
            start += MAX_ROWS
            yield start
        if stop < len(widths):
            n_next = int((widths == widths[stop]).sum())
            if n_next * (widths[start] - widths[stop]) > RUN_COST:
                start = int(stop)
                yield start
    if start < len(widths):
        yield len(widths)


def _fitted(values: np.ndarray, rows: np.ndarray, width: int) -> np.ndarray:
    """Return `rows` of `values`, cut or zero-padded to `width` columns."""
    cut = values[rows, :width]
    return np.ascontiguousarray(cut) if cut.shape[1] == width else np.pad(cut, ((0, 0), (0, width - cut.shape[1])))
