"""LitServe: a batched API, one worker per core."""

import os
from typing import Any

import litserve

from infra.bench.peers.plain import MAX_BATCH_TEXTS, PORT, WORKERS, PlainModel

BATCH_TIMEOUT_SECONDS = 0.005


class Batched(litserve.LitAPI):
    """Answers lists of texts; LitServe gathers requests that come close together into one call."""

    def setup(self, device: str) -> None:
        self.model = PlainModel.of_environment()

    def decode_request(self, request: dict[str, Any]) -> list[str]:
        return list(request["texts"])

    def batch(self, inputs: list[list[str]]) -> list[list[str]]:
        return list(inputs)

    def predict(self, x: list[list[str]]) -> list[list[dict[str, Any]]]:
        answers = iter(self.model.answers([text for texts in x for text in texts]))
        return [[next(answers) for _ in texts] for texts in x]

    def unbatch(self, output: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
        return output

    def encode_response(self, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {"predictions": output}


if __name__ == "__main__":
    api = Batched(max_batch_size=MAX_BATCH_TEXTS, batch_timeout=BATCH_TIMEOUT_SECONDS)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(os.environ[WORKERS]), timeout=60)
    server.run(host="127.0.0.1", port=int(os.environ[PORT]), log_level="warning", generate_client_file=False)
