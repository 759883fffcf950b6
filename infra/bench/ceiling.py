"""One process of the serving ceiling: ONNX Runtime alone on ready-made batches, as fast as it goes."""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime

from infra.demo.cast import deal
from registry.artifacts.bundle import Bundle, load_bundle
from registry.artifacts.store import ArtifactStore
from serving.predictor import Predictor, choose_providers
from serving.predictor.halves import joined
from serving.predictor.predictor import runs

N_TEXTS = 256                                         # different ones
N_PASSES = 2                                          # over all of them, each in other batches
CONNECTIONS = 32                                      # single texts: each lane can have its share of them at most
Runs = list[tuple[int, dict[str, np.ndarray]]]        # number of texts and inputs of each


def main(root: str, digest: str, threads: int, lanes: int, seconds: float) -> None:
    """Print the texts per second of `lanes` threads at once, after a warm-up."""
    bundle, providers = load_bundle(ArtifactStore(root), digest), choose_providers().providers
    batches = ready_made(Predictor.load(bundle, providers, threads), CONNECTIONS // lanes)
    session = plain_session(whole_of(bundle), providers, threads)
    for batch in batches:
        session.run(["probs", "novelty"], batch[1])
    with ThreadPoolExecutor(lanes) as pool:
        print(sum(pool.map(lambda _: rate(session, batches, seconds), range(lanes))))


def plain_session(model: bytes, providers: list[str], threads: int) -> onnxruntime.InferenceSession:
    """Open the whole graph in one session, with the options that serving has."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=providers)


def whole_of(bundle: Bundle) -> bytes:
    """Return the graph in one piece: the ceiling is no slower for the way we cut it."""
    return bundle.model if bundle.body is None else joined(bundle.body.content or b"", bundle.model)


def rate(session: onnxruntime.InferenceSession, batches: Runs, seconds: float) -> float:
    """Return the texts per second of one thread."""
    n_texts, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for n, inputs in batches:
            session.run(["probs", "novelty"], inputs)
            n_texts += n
    return n_texts / (time.perf_counter() - begun)


def ready_made(predictor: Predictor, batch_texts: int) -> Runs:
    """Return the runs, with their number of texts, that the predictor makes of random batches of `batch_texts`.

    Each text is in as many batches as any other: the load through HTTP draws them evenly, and
    batches that happen to be short would raise the ceiling.
    """
    texts = [text for text, _ in deal(0).test[:N_TEXTS]]
    draw, found = random.Random(0), []
    for _ in range(N_PASSES):
        draw.shuffle(texts)
        for start in range(0, N_TEXTS, batch_texts):
            features = predictor.features(texts[start:start + batch_texts])
            found += [(len(rows), batch) for rows, batch in runs(features, predictor.features.inputs)]
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
