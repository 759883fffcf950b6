"""Hot swaps: what is promoted is served, what is unfit is refused by name, and what serves goes on serving."""

import threading
import time

import pytest

from serving import watcher as watching
from tests.serving.bundles import (
    flip_a_byte,
    remove_file,
    replace_by_symlink,
    tiny_bundle,
    with_custom_operator,
    with_external_data,
    with_renamed_output,
    wrong_golden,
)
from tests.serving.conftest import LABELS

TEXTS = ["card lost", "where is my money"]


def ask(client):
    return client.post("/v1/tasks/intents/predict", json={"texts": TEXTS})


def wait_until(is_true, patience_seconds=20):
    deadline = time.monotonic() + patience_seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def serves(client):
    told = client.get("/v1/info").json()["tasks"].get("intents")
    return told and told["version_number"]


@pytest.fixture
def client(installation, serve):
    installation.promote()
    client = serve()
    wait_until(lambda: serves(client) == 1)
    return client


def test_a_promoted_version_answers_and_a_roll_back_is_instant(client, installation):
    before = ask(client).json()
    installation.promote()
    wait_until(lambda: serves(client) == 2)
    after = ask(client).json()
    assert after["model_version"] == 2 and after["predictions"] != before["predictions"]
    loaded = installation.store.fs
    loaded.mv(installation.store._path(installation.digests[0]), f"{installation.store.root}/gone", recursive=True)
    installation.return_to(1)                         # its files are gone: only what stayed loaded can answer
    wait_until(lambda: serves(client) == 1)
    assert ask(client).json()["predictions"] == before["predictions"]


def flipped(store):
    digest = tiny_bundle(store, "intents", LABELS, seed=7)
    flip_a_byte(store, digest)
    return digest


def without_labels(store):
    digest = tiny_bundle(store, "intents", LABELS, seed=7)
    remove_file(store, digest)
    return digest


def linked(store):
    digest = tiny_bundle(store, "intents", LABELS, seed=7)
    replace_by_symlink(store, digest)
    return digest


UNFIT = {
    "a flipped byte": (flipped, "model.onnx does not match its sha256"),
    "a missing file": (without_labels, "labels.json is missing"),
    "a symbolic link": (linked, "model.onnx is a symbolic link"),
    "external data": (lambda store: tiny_bundle(store, "intents", LABELS, spoil=with_external_data),
                      "has external_data"),
    "a custom operator": (lambda store: tiny_bundle(store, "intents", LABELS, spoil=with_custom_operator), "evil"),
    "other outputs": (lambda store: tiny_bundle(store, "intents", LABELS, spoil=with_renamed_output), "probs"),
    "other labels": (lambda store: tiny_bundle(store, "intents", ["x", "y", "z"]), "other labels"),
    "another task": (lambda store: tiny_bundle(store, "another", LABELS), "intents"),
    "wrong golden answers": (lambda store: tiny_bundle(store, "intents", LABELS, golden=wrong_golden()),
                             "does not reproduce its golden answers"),
}


@pytest.mark.parametrize("fault", UNFIT)
def test_an_unfit_bundle_is_refused_by_name_and_the_old_version_goes_on(client, installation, fault):
    make, says = UNFIT[fault]
    before = ask(client).json()
    installation.promote(make(installation.store))
    wait_until(lambda: installation.told("model:swap_failed"))
    assert says in installation.told("model:swap_failed")[0], installation.told("model:swap_failed")
    assert ask(client).json() == before
    assert client.get("/readyz").status_code == 503   # not everything that is wanted is served


FIRST, SECOND, THIRD = [0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]


@pytest.mark.parametrize("harm", [flip_a_byte, remove_file, replace_by_symlink])
def test_a_version_on_the_encoder_that_serves_loads_its_head_alone(client, installation, harm):
    """The open body was verified before it was opened; what happens to files later changes no answer."""
    first, second = (tiny_bundle(installation.store, "intents", LABELS, seed=5, answers=answers, is_apart=True)
                     for answers in (FIRST, SECOND))
    installation.promote(first)
    wait_until(lambda: serves(client) == 2)
    harm(installation.store, second, "body.onnx")
    installation.promote(second)
    wait_until(lambda: serves(client) == 3)
    assert [row["confidence"] for row in ask(client).json()["predictions"]] == pytest.approx([0.6, 0.6], abs=1e-4)


@pytest.mark.parametrize(("harm", "says"), [
    (lambda store, digest: flip_a_byte(store, digest, "body.onnx"), "body.onnx does not match its sha256"),
    (lambda store, digest: remove_file(store, digest, "body.onnx"), "body.onnx is missing"),
    (lambda store, digest: flip_a_byte(store, digest, "head.onnx"), "head.onnx does not match its sha256"),
])
def test_what_no_server_has_open_is_read_and_verified(client, installation, harm, says):
    """Of another encoder both halves, of the same one still the head."""
    first = tiny_bundle(installation.store, "intents", LABELS, seed=5, answers=FIRST, is_apart=True)
    if "head" in says:
        installation.promote(first)
        wait_until(lambda: serves(client) == 2)
    before = ask(client).json()
    second = tiny_bundle(installation.store, "intents", LABELS, seed=5, answers=SECOND, is_apart=True)
    harm(installation.store, second)
    installation.promote(second)
    wait_until(lambda: installation.told("model:swap_failed"))
    assert says in installation.told("model:swap_failed")[0]
    assert ask(client).json() == before


def test_a_body_that_was_let_go_is_read_again(client, installation):
    digests = [tiny_bundle(installation.store, "intents", LABELS, seed=seed, answers=answers, is_apart=True)
               for seed, answers in ((5, FIRST), (6, SECOND), (7, SECOND), (5, THIRD))]
    for number, digest in enumerate(digests[:3], start=2):
        installation.promote(digest)
        wait_until(lambda number=number: serves(client) == number)
    flip_a_byte(installation.store, digests[3], "body.onnx")
    installation.promote(digests[3])                  # nothing that is loaded stands on its body any more
    wait_until(lambda: installation.told("model:swap_failed"))
    assert "body.onnx does not match" in installation.told("model:swap_failed")[0]


def test_a_failure_is_told_once_and_a_later_good_version_is_served(client, installation, monkeypatch):
    monkeypatch.setattr(watching, "FIRST_RETRY_SECONDS", 0.05)
    installation.promote(flipped(installation.store))
    wait_until(lambda: installation.told("model:swap_failed"))
    time.sleep(0.5)                                   # several retries
    assert len(installation.told("model:swap_failed")) == 1
    installation.promote()
    wait_until(lambda: serves(client) == 3)


def test_a_registry_that_is_away_changes_nothing(client, installation, monkeypatch, caplog):
    from registry.errors import RegistryError

    def away(*_):
        raise RegistryError("the registry does not answer")

    monkeypatch.setattr(watching, "wanted", away)
    time.sleep(0.3)
    assert ask(client).status_code == 200
    assert sum("does not answer" in record.message for record in caplog.records) == 1


def test_requests_during_swaps_all_succeed_and_agree_with_the_version_they_name(client, installation):
    installation.promote()
    wait_until(lambda: serves(client) == 2)
    answers, stop = [], threading.Event()

    def keep_asking():
        while not stop.is_set():
            answers.append(ask(client))

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in [1, 2] * 5:
        installation.return_to(number)
        wait_until(lambda number=number: serves(client) == number)
    stop.set()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    confidences = {}
    for answer in answers:
        told = answer.json()
        row = tuple(round(each["confidence"], 4) for each in told["predictions"])
        confidences.setdefault(told["model_version"], set()).add(row)
    assert set(confidences) == {1, 2} and all(len(rows) == 1 for rows in confidences.values())


def test_a_worker_tells_the_registry_what_it_serves_and_says_goodbye(installation, serve):
    from datetime import UTC, datetime

    from registry.database import read
    from registry.heartbeats import live

    def servers():
        with read(installation.engine) as session:
            return live(session, datetime.now(UTC), "server")

    installation.promote()
    client = serve(heartbeat_seconds=0.1)
    wait_until(lambda: servers() and servers()[0].says["serves"] == {"intents": 1})
    client.__exit__(None, None, None)
    assert servers() == []
    client.__enter__()
