"""Endpoints over real HTTP: keys, retries, limits, whole-string scores, and what is said when they fail."""

import random
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.trainer.language_model.conftest import KEY, QUICK
from trainer.language_model.answers import side_by_side
from trainer.language_model.backend import BudgetSpent, LanguageModelError, NoScores
from trainer.language_model.budget import Budget, Meter
from trainer.language_model.pacing import Retries, asked_seconds

ASKED = {"max_tokens": 8, "temperature": 0.7, "stop": ("\n",), "seed": 3}


@pytest.mark.parametrize("is_chat", [False, True])
def test_a_completion_carries_the_key_and_is_cut_at_the_stop(server, connect, meter, is_chat):
    server.write = lambda prompt, asked: "yes\nand more"
    assert connect(is_chat=is_chat).complete("a question here", **ASKED).text == "yes"
    path, asked, headers = server.requests[0]
    assert path == ("/v1/chat/completions" if is_chat else "/v1/completions")
    assert headers["authorization" if "authorization" in headers else "Authorization"] == f"Bearer {KEY}"
    assert (asked["model"], asked["seed"], asked["stop"]) == ("tiny", 3, ["\n"])
    assert (meter.costs.n_calls, meter.costs.n_prompt_tokens, meter.costs.n_completion_tokens) == (1, 3, 2)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_failure_is_retried_and_every_call_is_counted(server, connect, meter, status):
    server.failures = [(status, {}, "busy")] * 2
    assert connect().complete("x", **ASKED).text == " fine"
    assert (meter.costs.n_calls, meter.costs.n_failed) == (3, 2)


def test_retry_after_is_honored(server, connect):
    server.failures = [(429, {"Retry-After": "0.15"}, "slow down")]
    connect().complete("x", **ASKED)
    assert server.at[1] - server.at[0] >= 0.15


def test_a_server_that_wants_to_be_left_alone_for_long_is_not_waited_for(server, connect):
    server.failures = [(429, {"Retry-After": "3600"}, "tomorrow")]
    with pytest.raises(LanguageModelError, match="after 1 calls: HTTP 429 tomorrow"):
        connect().complete("x", **ASKED)


def test_a_server_that_stays_down_is_given_up_and_named(server, connect):
    server.failures = [(500, {}, "broken")] * 9
    with pytest.raises(LanguageModelError, match="after 4 calls: HTTP 500 broken"):
        connect().complete("x", **ASKED)
    assert len(server.requests) == 4


def test_a_server_that_does_not_answer_in_time_is_retried_then_named(server, connect, meter):
    server.seconds = 0.5
    with pytest.raises(LanguageModelError, match="ReadTimeout"):
        connect(timeout_seconds=0.05).complete("x", **ASKED)
    assert meter.costs.n_failed == 4


@pytest.mark.parametrize(("status", "says"), [(401, "LM_KEY"), (404, "LM_URL"), (400, "the endpoint says why")])
def test_a_refusal_is_not_retried_and_never_shows_the_key(server, connect, status, says):
    server.failures = [(status, {}, "no")]
    with pytest.raises(LanguageModelError, match=says) as refused:
        connect().complete("x", **ASKED)
    assert len(server.requests) == 1 and KEY not in str(refused.value) + repr(connect().endpoint)


@pytest.mark.parametrize("content", ["<html>", "[]", '{"choices": []}', '{"choices": [{"text": null}]}'])
def test_an_answer_of_another_shape_is_named(server, connect, content):
    server.failures = [(200, {}, content)]
    with pytest.raises(LanguageModelError, match=r"no JSON object|no choices"):
        connect().complete("x", **ASKED)


def test_nothing_there_is_one_line(connect):
    with pytest.raises(LanguageModelError, match="ConnectError"):
        connect(url="http://127.0.0.1:1/v1").complete("x", **ASKED)


def test_a_score_adds_up_exactly_the_tokens_that_hold_the_continuation(server, connect):
    prompts = []
    server.rate = lambda prompt: prompts.append(prompt) or (lambda token: -float(len(token)))
    # 8 characters of prompt are 2 whole tokens; the token " ref" and what follows belong to the continuation
    assert connect().score("a prompt", [" refund", " ref"]) == [-7.0, -4.0]
    assert prompts[0] == "a prompt refund"


def test_a_token_across_the_border_counts_to_the_continuation(server, connect):
    assert connect().score("six ch", ["ar"]) == [-1.0]


def test_many_continuations_take_several_requests_and_keep_their_order(server, connect):
    server.rate = lambda prompt: lambda token: -float(prompt[-3:])
    continuations = [f"{number:06d}" for number in range(100)]
    scores = connect().score("01234567", continuations)
    assert len(server.requests) == 2 and scores == sorted(scores, reverse=True)


def test_an_endpoint_without_log_probabilities_names_the_fallback(server, connect):
    server.has_log_probs = False
    with pytest.raises(NoScores, match="votes"):
        connect().score("a prompt", [" a"])
    with pytest.raises(NoScores, match="votes"):
        connect(is_chat=True).score("a prompt", [" a"])


def test_calls_run_side_by_side_but_never_more_than_allowed(server, connect):
    server.seconds = 0.05
    backend = connect(concurrency=4)
    found = side_by_side([lambda: backend.complete("x", **ASKED)] * 12, backend)
    assert len(found) == 12 and 2 <= server.most_in_flight <= 4


def test_calls_keep_to_the_rate(server, connect):
    backend, began = connect(calls_per_minute=1200.0), time.monotonic()
    side_by_side([lambda: backend.complete("x", **ASKED)] * 7, backend)
    assert time.monotonic() - began >= 6 * 0.05 * 0.98


def test_a_spent_budget_refuses_the_next_call_and_keeps_what_was_answered(server, connect):
    meter = Meter(Budget(max_calls=5))
    backend = connect(meter=meter)
    found = side_by_side([lambda: backend.complete("x", **ASKED)] * 9, backend)
    assert sum(each is not None for each in found) == 5 == len(server.requests)
    assert (meter.costs.n_calls, meter.costs.n_refused) == (5, 4)


def test_a_retry_is_a_call_that_the_budget_counts(server, connect):
    server.failures = [(500, {}, "")] * 9
    with pytest.raises(BudgetSpent, match="2 calls"):
        connect(meter=Meter(Budget(max_calls=2))).complete("x", **ASKED)


@pytest.mark.parametrize(("budget", "says"), [(Budget(max_tokens=4), "5 tokens"),
                                              (Budget(max_money=4e-6, prompt_price=1, completion_price=1), "money")])
def test_tokens_and_money_are_limits_too(connect, budget, says):
    backend = connect(meter=Meter(budget))
    backend.complete("a question here", **ASKED)
    with pytest.raises(BudgetSpent, match=says):
        backend.complete("a question here", **ASKED)


def test_money_follows_from_the_prices():
    meter = Meter(Budget(prompt_price=2.0, completion_price=8.0), clock=iter([10.0, 12.5]).__next__)
    with meter.call() as call:
        call.answered(1_000_000, 500_000)
    assert (meter.costs.money, meter.costs.seconds, meter.costs.n_tokens) == (6.0, 2.5, 1_500_000)


def test_waits_grow_with_jitter_up_to_the_longest():
    waits = [Retries(longest_seconds=4.0).wait_seconds(attempt, None, random.Random(attempt)) for attempt in range(9)]
    assert all(0 <= wait <= min(4.0, 0.5 * 2**attempt) for attempt, wait in enumerate(waits))
    assert len(set(waits)) == 9 and QUICK.wait_seconds(0, 2.0, random.Random(1)) >= 2.0


def test_retry_after_may_be_a_date_or_nonsense():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert asked_seconds(format_datetime(now + timedelta(seconds=90)), now) == 90
    assert asked_seconds(format_datetime(now - timedelta(seconds=90)), now) == 0
    assert asked_seconds("soon", now) is None and asked_seconds(None, now) is None
