"""What is asked of an installation: every number that a person may change."""

from dataclasses import dataclass

SECONDS_PER_MONTH = 30 * 24 * 3_600


@dataclass(frozen=True)
class Demand:
    """`texts_per_month` are banked, whether clients sent them to be answered or producers to the topic."""

    texts_per_month: float = 1e9
    requests_per_second: float = 1e4                  # at the busiest moment, which serving must bear
    texts_per_request: float = 1.0
    tasks: int = 200
    encoder: str = "minilm"                           # or subword
    chars_per_text: float = 60.0
    bank_days: float = 90.0                           # how long texts are kept
    topic_days: float = 7.0                           # how long Kafka keeps them
    topic_copies: int = 3
    used_share: float = 0.5                           # of the measured rate, that machines are run at
    cores_per_replica: int = 2
    runs_per_month: float = 4.0                       # trainings of each task
    looks_per_day: float = 24.0                       # for drift, at each task
    poll_seconds: float = 2.0
    flush_seconds: float = 5.0                        # between two commits of an ingest process
    compact_hours: float = 1.0                        # between two compactions, as trainers and infra/k8s do
    gpu_texts_per_second: float = 0.0                 # of one GPU, measured by yourself; 0: answers on CPUs

    @property
    def peak_texts_per_second(self) -> float:
        return self.requests_per_second * self.texts_per_request

    @property
    def mean_texts_per_second(self) -> float:
        return self.texts_per_month / SECONDS_PER_MONTH

    @property
    def kept_texts(self) -> float:
        return self.mean_texts_per_second * self.bank_days * 24 * 3_600
