"""Trials: a canary answers its share and names itself, a challenger is never heard, and neither hurts an answer."""

import threading
import time

import numpy as np
import pytest
from onnx import helper, numpy_helper
from prometheus_client import REGISTRY

from registry.artifacts.bundle import Golden, load_bundle
from registry.tables import AliasName
from serving.predictor import Predictor
from serving.trials import falls_to_canary
from tests.serving.bundles import CPU, tiny_bundle, wrong_golden
from tests.serving.conftest import LABELS

CHALLENGER, CANARY = AliasName.CHALLENGER, AliasName.CANARY
ALL_BUT_A_FEW = 0.999_999                             # as good as all, and still a canary
SHORT, LONG = "card lost", "where is my money " * 20


def ask(client, *texts):
    answer = client.post("/v1/tasks/intents/predict", json={"texts": list(texts)})
    assert answer.status_code == 200
    return answer.json()


def infer(client, version, text=SHORT):
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}
    return client.post(f"/v2/models/intents/versions/{version}/infer", json={"inputs": [tensor]})


def wait_until(is_true, patience_seconds=20):
    deadline = time.monotonic() + patience_seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stands(client, name):
    return (client.get("/v1/info").json()["tasks"].get("intents") or {}).get(name.value, {}).get("version_number")


def shadowed(version, outcome):
    labels = {"task": "intents", "version": str(version), "outcome": outcome}
    return REGISTRY.get_sample_value("hypermatch_serving_shadow_texts_total", labels) or 0


def canary_share():
    return REGISTRY.get_sample_value("hypermatch_serving_canary_share", {"task": "intents"})


def canary_failures():
    return REGISTRY.get_sample_value("hypermatch_serving_canary_failures_total", {"task": "intents"}) or 0


class Collected:
    """Stands where Kafka would: keeps what is published."""

    def __init__(self):
        self.events = []

    def publish(self, events, trace=""):
        self.events += events

    def close(self):
        pass


def fails_on_long_texts(model):
    """Make the graph look up its width among 24 numbers: a real run-time error beyond."""
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(24, np.float32), "widths"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.int64), "second"))
    for node in model.graph.node:
        node.output[:] = ["newness" if name == "novelty" else name for name in node.output]
    model.graph.node.extend([
        helper.make_node("Shape", ["input_ids"], ["shape"]), helper.make_node("Gather", ["shape", "second"], ["width"]),
        helper.make_node("Gather", ["widths", "width"], ["nought"]),
        helper.make_node("Add", ["newness", "nought"], ["novelty"])])


def brittle(store):
    """Store a bundle that proves sound on its golden texts and breaks on long ones."""
    sound = load_bundle(store, tiny_bundle(store, "intents", LABELS, seed=9))
    probs, _ = Predictor.load(sound, CPU, 1).probs([SHORT])
    golden = Golden(texts=[SHORT], probs=probs.tolist(), tolerance=1e-4)
    return tiny_bundle(store, "intents", LABELS, seed=9, spoil=fails_on_long_texts, golden=golden)


@pytest.fixture
def open_client(installation, serve):
    """Open a server of v1 with a version on trial beside it."""

    def start(name, digest=None, share=None, **settings):
        installation.promote()
        client = serve(**settings)
        number = installation.approve(digest)
        installation.start_trial(number, name, share)
        wait_until(lambda: stands(client, name) == number)
        return client

    return start


def test_a_canary_answers_its_share_and_every_answer_names_its_version(open_client, installation):
    client = open_client(CANARY, share=0.3)
    texts = [f"card {number} lost" for number in range(200)]
    first, again = [[ask(client, text) for text in texts] for _ in range(2)]
    assert first == again                             # the same text falls to the same version
    by_canary = [answer["model_version"] == 2 for answer in first]
    assert 0.2 < np.mean(by_canary) < 0.4
    for version, digest in enumerate(installation.digests, start=1):
        own = [number for number, answer in enumerate(first) if answer["model_version"] == version]
        probs, _ = Predictor.load(load_bundle(installation.store, digest), CPU, 1).probs([texts[n] for n in own])
        told = [first[number]["predictions"][0]["confidence"] for number in own]
        np.testing.assert_allclose(told, probs.max(axis=1), atol=1e-4)
    assert client.get("/v1/info").json()["tasks"]["intents"]["canary"]["share"] == canary_share() == 0.3


def test_another_canary_gets_other_requests():
    texts = [[f"text {number}"] for number in range(1_000)]
    first, second = ([falls_to_canary("intents", version, each, 0.2) for each in texts] for version in (2, 3))
    assert 0.15 < np.mean(first) < 0.25 and 0.01 < np.mean(np.array(first) & np.array(second)) < 0.09
    wider = [falls_to_canary("intents", 2, each, 0.5) for each in texts]
    assert all(now for before, now in zip(first, wider, strict=True) if before)  # a growing share keeps its own
    assert isinstance(falls_to_canary("intents", 2, ["\ud800"], 0.5), bool)


def test_a_client_may_pin_the_champion_or_the_canary(open_client):
    client = open_client(CANARY, share=0.5)
    for version in (1, 2):
        told = [infer(client, version, f"card {number}").json()["model_version"] for number in range(10)]
        assert told == [str(version)] * 10
    assert infer(client, 3).status_code == 404


def test_where_a_canary_fails_the_champion_answers(open_client, installation, caplog):
    client = open_client(CANARY, brittle(installation.store), share=ALL_BUT_A_FEW)
    before = canary_failures()
    assert ask(client, SHORT)["model_version"] == 2
    assert [ask(client, LONG)["model_version"] for _ in range(3)] == [1, 1, 1]
    assert canary_failures() == before + 3
    assert sum("canary intents v2 fails" in record.message for record in caplog.records) == 1
    assert infer(client, 2, LONG).status_code == 500  # whoever pinned it must not get another's answer


def test_an_unfit_canary_answers_nothing_and_the_server_stays_ready(installation, serve):
    installation.promote()
    client = serve()
    wait_until(lambda: client.get("/readyz").status_code == 200)
    unfit = installation.approve(tiny_bundle(installation.store, "intents", LABELS, golden=wrong_golden()))
    installation.start_trial(unfit, CANARY, ALL_BUT_A_FEW)
    wait_until(lambda: installation.told("model:swap_failed"))
    assert ask(client, SHORT)["model_version"] == 1 and stands(client, CANARY) is None
    wait_until(lambda: canary_share() == 0)
    assert client.get("/readyz").status_code == 200


def test_a_trial_that_ends_leaves_everything_to_the_champion(open_client, installation):
    client = open_client(CANARY, share=ALL_BUT_A_FEW)
    assert ask(client, SHORT)["model_version"] == 2
    installation.end_trial(CANARY)
    wait_until(lambda: stands(client, CANARY) is None and canary_share() == 0)
    assert ask(client, SHORT)["model_version"] == 1
    installation.start_trial(2, CANARY, ALL_BUT_A_FEW)
    wait_until(lambda: stands(client, CANARY) == 2)
    assert ask(client, SHORT)["model_version"] == 2


def test_a_challenger_is_compared_and_published_and_never_heard(installation, serve):
    installation.promote(tiny_bundle(installation.store, "intents", LABELS, answers=[0.8, 0.1, 0.1]))
    client = serve()
    other = installation.approve(tiny_bundle(installation.store, "intents", LABELS, answers=[0.1, 0.8, 0.1]))
    installation.start_trial(other, CHALLENGER)
    wait_until(lambda: stands(client, CHALLENGER) == other)
    client.app.state.worker.publisher = kafka = Collected()
    before = shadowed(other, "disagreed")
    for number in range(20):
        told = ask(client, f"card {number}", "money")
        assert told["model_version"] == 1 and {row["label"] for row in told["predictions"]} == {"lost"}
    wait_until(lambda: shadowed(other, "disagreed") == before + 40)
    watcher, name = client.app.state.worker.watcher, f"intents v{other}"      # its heartbeat tells it to the console
    wait_until(lambda: watcher.says()["compared"].get(name) == {"agreed": 0, "disagreed": 40})
    served, shown = ([event for event in kafka.events if event["source"] == each] for each in ("serving", "shadow"))
    assert len(served) == len(shown) == 40
    assert {(event["model_version"], event["label"]) for event in shown} == {(other, "money")}
    assert {event["text"] for event in shown} == {event["text"] for event in served}


def test_a_challenger_that_fails_hurts_no_answer(open_client, installation, caplog):
    client = open_client(CHALLENGER, brittle(installation.store))
    before = shadowed(2, "failed")
    assert {ask(client, LONG)["model_version"] for _ in range(5)} == {1}
    wait_until(lambda: shadowed(2, "failed") == before + 5)
    assert sum("challenger intents v2 fails" in record.message for record in caplog.records) == 1


def test_a_challenger_that_is_behind_delays_nothing_and_what_it_misses_is_counted(open_client):
    client = open_client(CHALLENGER, max_shadow_texts=4)
    gate = threading.Event()
    slot = client.app.state.worker.watcher.trials["intents", CHALLENGER]
    compute = slot.current.predictor.probs
    slot.current.predictor.probs = lambda *arguments: gate.wait(20) and compute(*arguments)
    before, begun = shadowed(2, "dropped"), time.monotonic()
    for number in range(10):
        assert ask(client, f"card {number}")["model_version"] == 1
    assert time.monotonic() - begun < 5               # it would be 20 s if one had waited
    assert shadowed(2, "dropped") == before + 6
    gate.set()
    wait_until(lambda: client.app.state.worker.shadow.n_waiting == 0)
    ask(client, SHORT)
    assert shadowed(2, "dropped") == before + 6       # there is room again


def test_a_promoted_canary_takes_over_without_being_loaded_again(open_client, installation):
    from datetime import UTC, datetime

    from registry.database import write
    from registry.lifecycle.promotion import promote

    client = open_client(CANARY, share=0.5)
    files = installation.store.fs
    files.mv(installation.store._path(installation.digests[1]), f"{installation.store.root}/gone", recursive=True)
    with write(installation.engine) as session:
        promote(session, "intents", 2, actor="ada", reason="it did well", now=datetime.now(UTC))
    wait_until(lambda: client.get("/v1/info").json()["tasks"]["intents"]["version_number"] == 2)
    wait_until(lambda: stands(client, CANARY) is None)
    assert {ask(client, f"card {number}")["model_version"] for number in range(20)} == {2}
