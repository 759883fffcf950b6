"""What clients see: answers that name their version, and a problem document for every fault of theirs."""

import json
import logging
import time

import numpy as np
import pytest

from registry import brokers
from registry.artifacts.bundle import load_bundle
from registry.database import write
from registry.tables import LabelSpace
from registry.tasks import extend_label_space
from serving.predictor import Predictor
from serving.protocol import N_TOP, likeliest
from tests.serving.conftest import LABELS


def wait_for(client, version):
    deadline = time.monotonic() + 20
    while (client.get("/v1/info").json()["tasks"].get("intents") or {}).get("version_number") != version:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def client(installation, serve):
    installation.promote()
    client = serve(max_texts=16, max_text_chars=1_000, max_body_bytes=20_000)
    wait_for(client, 1)
    return client


def predict(client, content, **headers):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client.post("/v1/tasks/intents/predict", content=body,
                       headers={"content-type": "application/json", **headers})


def test_an_answer_is_what_the_predictor_computes_and_names_its_version_and_label_space(client, installation):
    told = predict(client, {"texts": ["card lost", "where is my money"]}).json()
    assert (told["model_version"], told["label_space"]) == (1, 1)
    bundle = load_bundle(installation.store, installation.digests[0])
    probs, novelty = Predictor.load(bundle, ["CPUExecutionProvider"], 1).probs(["card lost", "where is my money"])
    for row, shares, new in zip(told["predictions"], probs, novelty, strict=True):
        assert row["label"] == bundle.labels[int(shares.argmax())]
        assert np.isclose(row["confidence"], shares.max(), atol=1e-5) and np.isclose(row["novelty"], new, atol=1e-5)
        assert len(row["top"]) == min(N_TOP, len(bundle.labels)) and row["top"][0]["label"] == row["label"]


def test_the_open_inference_protocol_gives_the_same_answers(client):
    texts = ["card lost", "카드를 잃어버렸어요"]
    mine = predict(client, {"texts": texts}).json()["predictions"]
    tensor = {"name": "text", "shape": [2], "datatype": "BYTES", "data": texts}
    told = client.post("/v2/models/intents/infer", json={"id": "42", "inputs": [tensor]}).json()
    assert (told["model_name"], told["model_version"], told["id"]) == ("intents", "1", "42")
    outputs = {output["name"]: output for output in told["outputs"]}
    assert outputs["label"] == {"name": "label", "datatype": "BYTES", "shape": [2],
                                "data": [row["label"] for row in mine]}
    assert outputs["confidence"]["data"] == [row["confidence"] for row in mine]
    assert client.get("/v2/models/intents").json()["inputs"][0]["datatype"] == "BYTES"
    assert client.get("/v2/models/intents/ready").status_code == client.get("/v2/health/ready").status_code == 200
    assert client.get("/v2").json()["name"] == "hypermatch"


@pytest.mark.parametrize("n_labels", [2, 3, 77])
def test_the_likeliest_labels_are_those_of_a_stable_sort(n_labels):
    probs = np.random.default_rng(0).dirichlet(np.full(n_labels, 0.05), 200).astype(np.float32).round(2)      # ties too
    np.testing.assert_array_equal(likeliest(probs, N_TOP), np.argsort(-probs, axis=1, kind="stable")[:, :N_TOP])


def test_a_text_that_may_not_be_banked_is_answered_and_never_published(installation, serve, monkeypatch):
    monkeypatch.setattr(brokers, "BOOTSTRAP_MS", 500)  # nobody listens there: what is published waits
    installation.promote()
    client = serve(brokers="127.0.0.1:9")
    wait_for(client, 1)
    waiting = client.app.state.worker.publisher.events
    assert predict(client, {"texts": ["card lost"], "is_banked": False}).json()["model_version"] == 1
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["card lost"]}
    asked = client.post("/v2/models/intents/infer", json={"inputs": [tensor], "parameters": {"is_banked": False}})
    assert asked.status_code == 200 and waiting.empty()
    predict(client, {"texts": ["card lost"]})
    assert waiting.qsize() == 1


def test_a_version_that_does_not_answer_here_is_a_404(client):
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["x"]}
    assert client.post("/v2/models/intents/versions/1/infer", json={"inputs": [tensor]}).status_code == 200
    refused = client.post("/v2/models/intents/versions/7/infer", json={"inputs": [tensor]})
    assert refused.status_code == 404 and "1 does" in refused.json()["detail"]


def test_a_task_is_unknown_only_once_the_registry_was_asked(client):
    watcher = client.app.state.worker.watcher
    watcher.end()                                     # looks no more, so that it stays as one that has not looked yet
    deadline = time.monotonic() + 20
    while watcher.has_looked:
        watcher.has_looked = False
        time.sleep(0.2)
        assert time.monotonic() < deadline
    unknown = client.post("/v1/tasks/nothing/predict", json={"texts": ["x"]})
    assert unknown.status_code == 503 and "not told yet" in unknown.json()["detail"]
    watcher.look()
    assert client.post("/v1/tasks/nothing/predict", json={"texts": ["x"]}).status_code == 404


def test_a_pinned_label_space_is_answered_from_the_grown_one_and_another_is_a_409(client, installation, now):
    texts = ["card lost", "where is my money", "hello there"]
    with write(installation.engine) as session:
        extend_label_space(session, "intents", ["crypto"], actor="ada", reason="found", now=now)
    installation.promote(labels=[*LABELS, "crypto"], label_space=2)
    wait_for(client, 2)
    whole = predict(client, {"texts": texts}).json()
    pinned = predict(client, {"texts": texts, "label_space": 1}).json()
    assert (whole["label_space"], pinned["label_space"], pinned["model_version"]) == (2, 1, 2)
    for mapped, row in zip(pinned["predictions"], whole["predictions"], strict=True):
        best = next(each for each in row["top"] if each["label"] != "crypto")
        assert (mapped["label"], mapped["confidence"]) == (best["label"], best["confidence"])
        assert "crypto" not in [each["label"] for each in mapped["top"]]
    tensor = {"name": "text", "shape": [3], "datatype": "BYTES", "data": texts}
    told = client.post("/v2/models/intents/infer", json={"inputs": [tensor], "parameters": {"label_space": 1}}).json()
    assert told["parameters"]["label_space"] == 1
    assert told["outputs"][0]["data"] == [row["label"] for row in pinned["predictions"]]
    refused = predict(client, {"texts": texts, "label_space": 3})
    assert refused.status_code == 409 and "label space 3 is not answered here" in refused.json()["detail"]
    assert predict(client, {"texts": texts, "label_space": "one"}).status_code == 422


def test_a_label_space_whose_label_is_gone_cannot_be_pinned(client, installation, now):
    with write(installation.engine) as session:
        session.add(LabelSpace(task="intents", number=2, labels=["lost", "rest"], created_at=now))
    installation.promote(labels=["lost", "rest"], label_space=2)
    wait_for(client, 2)
    refused = predict(client, {"texts": ["card lost"], "label_space": 1})
    assert refused.status_code == 409 and "'money'" in refused.json()["detail"]


@pytest.mark.parametrize(("content", "code"), [
    (b"{not json", 400), (b"\xff\xfe{}", 400), (b'{"texts": ["\xff"]}', 400), (b"", 400),
    (b"[" * 100_000, 413), (b'{"texts": [' * 1_500, 422),
    ({}, 422), ([], 422), ({"texts": []}, 422), ({"texts": "one"}, 422), ({"texts": [1]}, 422),
    ({"texts": [None]}, 422), ({"texts": [" \n"]}, 422), ({"texts": ["x"] * 17}, 422),
    ({"texts": ["x" * 1_001]}, 413), ({"texts": ["x" * 10_000_000]}, 413),
])
def test_a_faulty_request_is_a_problem_document_and_one_line_in_the_log(client, caplog, content, code):
    caplog.set_level(logging.INFO, "hypermatch.serving")
    caplog.clear()
    response = predict(client, content)
    assert response.status_code == code, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == code and problem["title"] and len(problem["detail"]) < 500
    lines = [record for record in caplog.records if record.name == "hypermatch.serving"]
    assert len(lines) == 1 and lines[0].exc_info is None
    assert predict(client, {"texts": ["still here"]}).status_code == 200


@pytest.mark.parametrize("inputs", [
    [], [{"name": "a", "shape": [1], "datatype": "BYTES", "data": ["x"]}] * 2,
    [{"name": "a", "shape": [1], "datatype": "FP32", "data": [1.0]}],
    [{"name": "a", "shape": [2], "datatype": "BYTES", "data": ["x"]}],
    [{"name": "a", "shape": [1], "datatype": "BYTES", "data": [5]}],
    [{"name": "a", "shape": [0], "datatype": "BYTES", "data": []}], [{"name": "a"}],
])
def test_faulty_tensors_are_422(client, inputs):
    assert client.post("/v2/models/intents/infer", json={"inputs": inputs}).status_code == 422


def test_unknown_tasks_paths_methods_and_media_types(client):
    body = {"texts": ["x"]}
    assert client.post("/v1/tasks/nothing/predict", json=body).status_code == 404
    assert client.get("/v1/nothing").status_code == 404
    assert client.get("/v1/tasks/intents/predict").status_code == 405
    assert predict(client, body, **{"content-type": "text/plain"}).status_code == 415
    for path in ("/v1/tasks/nothing/predict", "/v1/nothing"):
        assert client.post(path, json=body).headers["content-type"] == "application/problem+json"


def test_a_server_with_nothing_to_serve_is_ready_and_one_that_waits_for_its_model_is_not(installation, serve):
    client = serve()
    deadline = time.monotonic() + 10
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline
    installation.store.fs.rm(installation.store._path(promoted_digest(installation)), recursive=True)
    while client.get("/readyz").status_code != 503:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert client.get("/livez").status_code == 200
    assert predict(client, {"texts": ["x"]}).status_code == 503


def promoted_digest(installation):
    installation.promote()
    return installation.digests[-1]
