"""How answers are served: `HYPERMATCH_SERVING_<FIELD>`."""

import os

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from registry.brokers import KafkaSettings
from registry.events import LABEL_SPACES_TOPIC, PREDICTIONS_TOPIC


class ServingSettings(KafkaSettings):
    """How answers are served: `HYPERMATCH_SERVING_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="HYPERMATCH_SERVING_", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(3000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=256, description="Worker processes behind the port.")
    threads: int = Field(1, ge=0, description="Threads of ONNX Runtime per run; 0: one per core. With 1 a new version "
                         "loads at low priority and hardly delays an answer.")
    runs_at_once: int = Field(0, ge=0, le=256, description="Batches that a worker computes at once; 0: one per core. "
                              "With a GPU take 1.")
    providers: str = Field("tensorrt,cuda,cpu", description="Execution providers, the preferred one first.")
    poll_seconds: float = Field(2.0, gt=0, description="How often a worker asks the registry what it should serve.")
    max_queue_texts: int = Field(2_048, gt=0, description="Texts that may wait per task; beyond it: 429.")
    max_batch_texts: int = Field(32, gt=0, description="Texts computed in one run.")
    deadline_seconds: float = Field(10.0, gt=0, description="Time an answer may take; beyond it: 504.")
    max_body_bytes: int = Field(4 * 2**20, gt=0, description="Largest request body; beyond it: 413.")
    max_texts: int = Field(1_024, gt=0, description="Most texts of one request; beyond it: 422.")
    max_text_chars: int = Field(100_000, gt=0, description="Longest text of a request; beyond it: 413.")
    required_signers: str = Field("", description="Public ed25519 keys (PEM), `NAME=FILE,NAME=FILE`; a bundle that not "
                                  "each of them signed is refused; empty: none must.")
    brokers: str = Field("", description="Kafka bootstrap addresses that take the served predictions; "
                         "empty: they go nowhere.")
    predictions_topic: str = Field(PREDICTIONS_TOPIC, description="Topic that takes the served predictions.")
    label_spaces_topic: str = Field(LABEL_SPACES_TOPIC, description="Topic that tells clients of changed label spaces.")
    max_unpublished: int = Field(50_000, gt=0, description="Predictions that may wait for Kafka; beyond it they are "
                                 "dropped and counted.")
    max_shadow_texts: int = Field(1_024, gt=0, description="Answered texts that may wait for a challenger; beyond it "
                                  "they are not shown to it, and counted.")
    heartbeat_seconds: float = Field(10.0, gt=0, description="How often the registry hears of a worker.")

    @property
    def n_lanes(self) -> int:
        return self.runs_at_once or os.cpu_count() or 1

    @property
    def preferred_providers(self) -> list[str]:
        return [name.strip() for name in self.providers.split(",") if name.strip()]
