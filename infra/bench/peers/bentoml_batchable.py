"""BentoML's own batching: one batchable API, one worker per core."""

import os
from typing import Any

import bentoml

from infra.bench.peers.plain import MAX_BATCH_TEXTS, WORKERS, PlainModel

MAX_LATENCY_MS = 10_000                               # with less it refuses requests under load instead of answering


@bentoml.service(workers=int(os.environ[WORKERS]), traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Batchable:
    """Answers lists of texts; BentoML joins the lists that wait and hands the answers out again."""

    def __init__(self) -> None:
        self.model = PlainModel.of_environment()

    @bentoml.api(batchable=True, max_batch_size=MAX_BATCH_TEXTS, max_latency_ms=MAX_LATENCY_MS)
    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        return self.model.answers(texts)
