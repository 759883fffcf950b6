"""The registry hears of ingest; ingest does not depend on being heard."""

import logging
from collections import deque
from datetime import UTC, datetime
from types import SimpleNamespace

from sqlmodel import create_engine

from ingest.running import Pulse


def test_a_registry_that_is_away_ends_no_banking_and_is_one_line(caplog):
    nobody = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    pulse = Pulse(nobody, "ingest@test:1", 0.0, lambda: datetime.now(UTC))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            pulse.beat(SimpleNamespace(says=dict, banking=SimpleNamespace(dead=deque())))
        pulse.stop()
    assert caplog.text.count("banking goes on") == 1
