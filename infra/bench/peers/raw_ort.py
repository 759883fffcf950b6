"""ONNX Runtime alone on ready-made batches of one workload, in a process of its own: no tokenizer, no requests."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import psutil

from infra.bench.ceiling import Runs, plain_session, whole_of
from registry.artifacts.bundle import load_bundle
from registry.artifacts.store import ArtifactStore
from serving.predictor import Predictor, choose_providers
from serving.predictor.predictor import runs

LEAST_BATCHES = 8                                     # and as many as have every text in them


def main(root: str, digest: str, texts_file: str, batch_texts: int, lanes: int, threads: int, seconds: float) -> None:
    """Print what `lanes` batches at once make of it; every batch has `batch_texts` texts."""
    bundle, providers = load_bundle(ArtifactStore(root), digest), choose_providers().providers
    texts = json.loads(Path(texts_file).read_text(encoding="utf-8"))
    batches = ready_made(Predictor.load(bundle, providers, threads), texts, batch_texts)
    session = plain_session(whole_of(bundle), providers, threads)
    for batch in batches[:LEAST_BATCHES]:
        compute(session, batch)
    begun, spent = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(lanes) as pool:
        found = list(pool.map(lambda lane: keep_computing(session, batches, lane, begun + seconds), range(lanes)))
    took = np.concatenate(found) * 1_000
    n_texts, elapsed = len(took) * batch_texts, time.perf_counter() - begun
    print(json.dumps(told(took, n_texts, elapsed, time.process_time() - spent)))


def told(took_ms: np.ndarray, n_texts: int, elapsed: float, cpu_seconds: float) -> dict[str, Any]:
    return {"texts_per_second": n_texts / elapsed, "cpu_ms_per_text": 1_000 * cpu_seconds / n_texts,
            **{f"p{percent:g}_ms": float(np.percentile(took_ms, percent)) for percent in (50, 99, 99.9)},
            "memory_mib": psutil.Process().memory_full_info().pss / 2**20, "requests": len(took_ms),
            "failed": 0, "wrong": 0}


def ready_made(predictor: Predictor, texts: list[str], batch_texts: int) -> list[Runs]:
    """Return batches as the runs that the predictor makes of them."""
    batches = []
    for start in range(0, max(LEAST_BATCHES * batch_texts, len(texts)), batch_texts):
        features = predictor.features([texts[(start + index) % len(texts)] for index in range(batch_texts)])
        batches.append([(len(rows), batch) for rows, batch in runs(features, predictor.features.inputs)])
    return batches


def compute(session: onnxruntime.InferenceSession, batch: Runs) -> float:
    """Return the seconds that one batch took."""
    begun = time.perf_counter()
    for _, inputs in batch:
        session.run(["probs", "novelty"], inputs)
    return time.perf_counter() - begun


def keep_computing(session: onnxruntime.InferenceSession, batches: list[Runs], lane: int,
                   deadline: float) -> list[float]:
    """Return the seconds of each batch that one lane computed."""
    took: list[float] = []
    while time.perf_counter() < deadline:
        took.append(compute(session, batches[(lane + len(took)) % len(batches)]))
    return took


if __name__ == "__main__":
    root, digest, texts_file, *numbers = sys.argv[1:]
    main(root, digest, texts_file, int(numbers[0]), int(numbers[1]), int(numbers[2]), float(numbers[3]))
