"""The port of ingest and trainer tells metrics, and that the process hangs once its loop comes round no more."""

import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlmodel import create_engine

from infra.parts import free_port
from ingest.bank import DataBank
from ingest.bank.tally import Tally
from ingest.metrics import Metrics as IngestMetrics
from ingest.running import wait_for_broker
from ingest.settings import IngestSettings
from registry.errors import RegistryError
from registry.telemetry.port import LONGEST_ROUND_SECONDS, Rounds
from trainer.metrics import Metrics as TrainerMetrics
from trainer.scheduler.decide import Triggers
from trainer.scheduler.loop import Trainer


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("kind", [IngestMetrics, TrainerMetrics])
def test_it_lives_while_its_loop_comes_round(kind):
    metrics, port, clock = kind(), free_port(), [0.0]
    metrics.rounds.clock = lambda: clock[0]
    metrics.rounds.come()
    metrics.serve("127.0.0.1", port)

    assert get(port, "/livez") == (200, "came round 0 s ago\n")
    clock[0] = LONGEST_ROUND_SECONDS + 1
    assert get(port, "/livez") == (503, f"came round {clock[0]:.0f} s ago\n")
    metrics.rounds.come()
    assert get(port, "/livez")[0] == 200
    assert "# HELP hypermatch_" in get(port, "/metrics")[1]


def test_waiting_for_a_broker_is_a_round():
    rounds, stop = Rounds(), threading.Event()
    rounds.came_at = float("-inf")
    threading.Timer(0.3, stop.set).start()
    assert not wait_for_broker(IngestSettings(brokers="127.0.0.1:1"), stop, rounds)
    assert rounds.silent_seconds < LONGEST_ROUND_SECONDS


def test_a_trainer_comes_round_even_while_the_registry_is_away():
    nobody = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    place = SimpleNamespace(engine=nobody, worker="trainer@test:1", now=lambda: datetime.now(UTC))
    trainer = Trainer(place, Triggers(1, 1, timedelta()), Path("recipes"), threading.Event(),
                      Tally(DataBank("nowhere")))
    trainer.metrics.rounds.came_at = float("-inf")
    with pytest.raises(RegistryError):
        trainer.beat()
    assert trainer.metrics.rounds.silent_seconds < LONGEST_ROUND_SECONDS
