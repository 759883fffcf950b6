"""Prometheus metrics of one worker; BentoML adds up those of all workers on /metrics."""

import os
from pathlib import Path

import psutil
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.multiprocess import mark_process_dead

BATCH_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_batch_texts = Histogram("hypermatch_serving_batch_texts", "Texts computed in one run.", buckets=BATCH_TEXTS)
_batch_seconds = Histogram("hypermatch_serving_batch_seconds", "Time of one run.", buckets=SECONDS)
_waiting = Gauge("hypermatch_serving_waiting_texts", "Texts that wait for a run.", multiprocess_mode="livesum")
_request_seconds = Histogram("hypermatch_serving_request_seconds", "Time of one request.", ["task", "status"],
                             buckets=SECONDS)
_texts = Counter("hypermatch_serving_texts", "Texts answered.", ["task", "version"])
_swaps = Counter("hypermatch_serving_swaps", "Hot swaps.", ["task", "outcome"])
_published = Counter("hypermatch_serving_published_predictions", "Predictions that Kafka took.")
_dropped = Counter("hypermatch_serving_dropped_predictions", "Predictions dropped because Kafka was behind or away.")
_version = Gauge("hypermatch_serving_model_version", "Version that answers.", ["task"], multiprocess_mode="livemin")
_shadow = Counter("hypermatch_serving_shadow_texts", "Texts shown to a challenger: agreed, disagreed, failed, dropped.",
                  ["task", "version", "outcome"])
_canary_failures = Counter("hypermatch_serving_canary_failures", "Requests that the champion answered for a canary.",
                           ["task"])
_canary_share = Gauge("hypermatch_serving_canary_share", "Share of the requests that fall to a canary.", ["task"],
                      multiprocess_mode="livemin")


class Metrics:
    """What a worker counts."""

    def batch(self, n_texts: int, seconds: float) -> None:
        _batch_texts.observe(n_texts)
        _batch_seconds.observe(seconds)

    def waiting(self, n_more: int) -> None:
        _waiting.inc(n_more)

    def request(self, task: str, status: int, seconds: float) -> None:
        _request_seconds.labels(task, status).observe(seconds)

    def answered(self, task: str, version: int, n_texts: int) -> None:
        _texts.labels(task, version).inc(n_texts)

    def swapped(self, task: str, version: int) -> None:
        _swaps.labels(task, "swapped").inc()
        _version.labels(task).set(version)

    def swap_failed(self, task: str) -> None:
        _swaps.labels(task, "failed").inc()

    def published(self, n: int) -> None:
        _published.inc(n)

    def dropped(self, n: int) -> None:
        _dropped.inc(n)

    def shadowed(self, task: str, version: int, outcome: str, n_texts: int) -> None:
        _shadow.labels(task, version, outcome).inc(n_texts)

    def canary_failed(self, task: str) -> None:
        _canary_failures.labels(task).inc()

    def canary_answers(self, task: str, share: float) -> None:
        _canary_share.labels(task).set(share)


def forget_the_dead() -> None:
    """Drop the live gauges of workers that were killed; what they said last would be added up for ever."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")          # BentoML sets it
    for file in Path(folder).glob("gauge_live*_*.db") if folder else ():
        number = file.stem.rsplit("_", 1)[1]
        if number.isdigit() and not _lives(int(number)):
            mark_process_dead(int(number), folder)


def _lives(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
