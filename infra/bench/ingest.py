"""Measures banking against a bare poll loop on the same topic, in alternating rounds."""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from tqdm import tqdm

from infra.apache_kafka import running
from infra.broker import start_broker
from registry.errors import HyperMatchError

TEXTS = Path(__file__).parents[1] / "demo" / "banking77.parquet"
TOPIC = "hypermatch.bench"
PERSONAL = ["my card is 4111 1111 1111 1111", "mail me at jane.doe@example.com", "call +1 415 555 2671",
            "이체가 안 돼요 010-1234-5678", "IBAN DE89 3704 0044 0532 0130 00"]
PERSONAL_RATIO = 0.02
GROUP_DELAY_MS = 3_000                                # brokers' default: a group begins when all have joined


def measure(rows: int, broker: str, rounds: int = 3) -> dict[str, Any]:
    """Return the median rates of `rounds` rounds of both loops, their ratio, and the peak memory of ingest."""
    with tempfile.TemporaryDirectory() as folder, filled_topic(rows, broker, Path(folder)) as environment:
        ceilings, banked = [], []
        for number in tqdm(range(rounds), desc="rounds", disable=None):
            ceilings.append(run_round("ceiling", rows, environment))
            banked.append(run_round("ingest", rows, {**environment, "HYPERMATCH_INGEST_GROUP": f"bench-{number}",
                                                     "HYPERMATCH_INGEST_BANK": f"{folder}/bank-{number}"}))
    return summary(rows, broker, ceilings, banked)


def summary(rows: int, broker: str, ceilings: list[dict[str, Any]], banked: list[dict[str, Any]]) -> dict[str, Any]:
    ceiling = statistics.median(one["rows_per_second"] for one in ceilings)
    rate = statistics.median(one["rows_per_second"] for one in banked)
    return {
        "ceiling_rows_per_second": round(ceiling), "rows_per_second": round(rate), "ratio": round(rate / ceiling, 3),
        "peak_memory_mib": round(max(one["peak_memory_mib"] for one in banked), 1),
        "ceiling_memory_mib": round(max(one["peak_memory_mib"] for one in ceilings), 1),
        "rows": rows, "broker": broker, "rounds": len(banked), "cores": os.cpu_count(),
        "ceilings": [round(one["rows_per_second"]) for one in ceilings],
        "rates": [round(one["rows_per_second"]) for one in banked],
        "memory_mib_over_time": banked[-1]["memory_mib_over_time"],
    }


@contextmanager
def filled_topic(rows: int, broker: str, folder: Path) -> Iterator[dict[str, str]]:
    """Yield the environment that reaches a topic with `rows` messages."""
    with broker_at(broker, folder) as reached:
        topic = f"{TOPIC}.{uuid.uuid4().hex[:8]}"
        environment = {**reached, "HYPERMATCH_INGEST_TEXTS_TOPIC": topic,
                       "HYPERMATCH_INGEST_PREDICTIONS_TOPIC": f"{topic}.predictions",
                       "HYPERMATCH_INGEST_DEAD_LETTERS_TOPIC": f"{topic}.dead-letters"}
        run_round("fill", rows, environment)
        yield environment


@contextmanager
def broker_at(broker: str, folder: Path) -> Iterator[dict[str, str]]:
    """Yield the environment that reaches `broker`, starting one of ours unless it is an address."""
    if broker == "embedded":
        with start_broker() as embedded:
            yield embedded.environment
    elif broker == "apache":
        with running(folder / "kafka", group_delay_ms=GROUP_DELAY_MS) as address:
            yield {"HYPERMATCH_INGEST_BROKERS": address}
    else:
        yield {"HYPERMATCH_INGEST_BROKERS": broker}


def run_round(kind: str, rows: int, environment: dict[str, str]) -> dict[str, Any]:
    """Run one loop in a fresh process, so that neither inherits memory or warmth from the other."""
    command = [sys.executable, "-m", "infra.bench.ingest_rounds", kind, str(rows)]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise HyperMatchError(f"the {kind} round failed with exit code {done.returncode}", "its error is above")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def messages(rows: int, seed: int = 0) -> Iterator[bytes]:
    """Yield `rows` events with texts that are all different: pairs of real ones, some with personal data."""
    draw = random.Random(seed)
    texts = sorted(set(pq.read_table(TEXTS, columns=["text"])["text"].to_pylist()))
    n = len(texts)
    for number in range(rows):
        text = f"{texts[number % n]} {texts[(number // n * 7919 + number) % n]}"
        if draw.random() < PERSONAL_RATIO:
            text = f"{text} {draw.choice(PERSONAL)}"
        yield json.dumps({"id": f"bench-{number:09d}", "text": text, "source": "bench",
                          "at": "2026-01-02T03:04:05.678Z"}, ensure_ascii=False).encode()
