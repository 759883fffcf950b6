"""One process of the serving ceiling: ONNX Runtime alone on ready-made batches, as fast as it goes."""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from infra.demo.cast import deal
from registry.artifacts.bundle import load_bundle
from registry.artifacts.store import ArtifactStore
from serving.predictor import Predictor, choose_providers
from serving.predictor.predictor import runs

N_TEXTS = 256                                         # different ones
CONNECTIONS = 32                                      # single texts: each lane can have its share of them at most


def main(root: str, digest: str, threads: int, lanes: int, seconds: float) -> None:
    """Print the texts per second of `lanes` threads at once, after a warm-up."""
    predictor = Predictor.load(load_bundle(ArtifactStore(root), digest), choose_providers().providers, threads)
    batches = ready_made(predictor, CONNECTIONS // lanes)
    for batch in batches:
        predictor.session.run(["probs", "novelty"], batch[1])
    with ThreadPoolExecutor(lanes) as pool:
        print(sum(pool.map(lambda _: rate(predictor, batches, seconds), range(lanes))))


def rate(predictor: Predictor, batches: list[tuple[int, dict[str, np.ndarray]]], seconds: float) -> float:
    """Return the texts per second of one thread."""
    n_texts, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for n, inputs in batches:
            predictor.session.run(["probs", "novelty"], inputs)
            n_texts += n
    return n_texts / (time.perf_counter() - begun)


def ready_made(predictor: Predictor, batch_texts: int) -> list[tuple[int, dict[str, np.ndarray]]]:
    """Return the runs, with their number of texts, that the predictor makes of random batches of `batch_texts`."""
    texts = [text for text, _ in deal(0).test[:N_TEXTS]]
    draw, found = random.Random(0), []
    for _ in range(8):
        features = predictor.features([draw.choice(texts) for _ in range(batch_texts)])
        found += [(len(rows), batch) for rows, batch in runs(features, predictor.features.inputs)]
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
