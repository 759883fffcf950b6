"""The pages' count of the bank follows the bank, is not made anew for nothing, and stops no trainer."""

from datetime import UTC, datetime

import pytest

from ingest.bank.tally import Tally
from registry.database import read
from registry.watching.bank_days import bank_days
from tests.ingest.conftest import make_rows
from trainer.scheduler import growth
from trainer.scheduler.growth import Growth


def n_texts(workplace):
    with read(workplace.engine) as session:
        return sum(day.n_texts for day in bank_days(session, "intent"))


def test_a_bank_that_grew_is_counted_again_but_not_all_the_time(workplace, task, monkeypatch):
    tally = Tally(workplace.bank)
    counted = Growth(tally)
    counted.look(workplace)
    assert n_texts(workplace) == 0
    workplace.bank.append(make_rows(["a", "b"], task="intent", now=datetime.now(UTC)), {})
    tally.renew()
    counted.look(workplace)
    assert n_texts(workplace) == 2
    workplace.bank.append(make_rows(["c"], task="intent", begin=2, now=datetime.now(UTC)), {})
    tally.renew()
    counted.look(workplace)
    assert n_texts(workplace) == 2, "a minute has not passed"
    monkeypatch.setattr(growth, "EVERY_SECONDS", 0.0)
    counted.look(workplace)
    assert n_texts(workplace) == 3


@pytest.mark.filterwarnings("ignore")
def test_a_bank_that_cannot_be_counted_is_logged_and_tried_again(workplace, task, caplog):
    tally = Tally(workplace.bank)
    counted = Growth(tally)
    workplace.bank.append(make_rows(["a"], task="intent", now=datetime.now(UTC)), {})
    for file in (workplace.cache.parent / "bank").rglob("*.parquet"):
        file.write_bytes(b"no Parquet")
    counted.look(workplace)
    assert "the bank cannot be counted" in caplog.text and counted.counted is None
