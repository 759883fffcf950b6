"""When to train: a pure decision, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trainer.scheduler.decide import Triggers, cooldown_of, decide
from trainer.scheduler.facts import Facts

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TRIGGERS = Triggers(new_labels=20, new_texts=1_000, cooldown=timedelta(seconds=60))
QUIET = Facts(n_labels=50, n_labeled_classes=4, n_new_labels=0, n_new_texts=0, requested_by=None, request_reason="",
              is_running=False, is_unfinished=False, unfinished_reason="", n_failures=0,
              last_ended_at=NOW - timedelta(seconds=90), awaiting_approval=None)


@pytest.mark.parametrize(("facts", "is_train", "says"), [
    ({}, False, "0 of 20 new labels, 0 of 1000 new texts"),
    ({"n_new_labels": 20}, True, "20 new labels"),
    ({"n_new_texts": 1_000}, True, "1000 new texts"),
    ({"n_new_texts": 1_000, "awaiting_approval": 3}, False, "v3 awaits approval"),
    ({"n_new_labels": 20, "awaiting_approval": 3}, True, "20 new labels"),
    ({"requested_by": "ann", "request_reason": "demo"}, True, "asked for by ann: demo"),
    ({"n_new_labels": 20, "is_running": True}, False, "a run is in progress"),
    ({"n_new_labels": 20, "n_labeled_classes": 1}, False, "at least 2"),
    ({"n_new_texts": 1_000, "n_labeled_classes": 0}, False, "at least 2"),
    ({"requested_by": "ann", "n_labeled_classes": 0, "request_reason": "begin"}, True, "asked for by ann: begin"),
    ({"requested_by": "ann", "n_labeled_classes": 1}, False, "at least 2"),
    ({"is_unfinished": True, "unfinished_reason": "20 new labels"}, True, "again after an interruption: 20 new labels"),
    ({"n_new_labels": 20, "n_failures": 1}, True, "20 new labels"),
    ({"n_new_labels": 20, "n_failures": 2}, False, "cooling down for 120 s after 2"),
    ({"requested_by": "ann", "n_failures": 9}, True, "asked for by ann"),
])
def test_the_facts_decide_and_the_reason_says_why(facts, is_train, says):
    decision = decide(replace(QUIET, **facts), TRIGGERS, NOW)

    assert decision.is_train is is_train and says in decision.reason


def test_the_cooldown_doubles_up_to_a_day():
    first = timedelta(seconds=60)
    assert [cooldown_of(n, first).total_seconds() for n in (0, 1, 2, 3, 60)] == [0, 60, 120, 240, 86_400]
