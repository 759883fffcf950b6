"""A local model's scores are those of its logits; a record answers the same question once and for all."""

import json
import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from trainer.language_model.backend import LanguageModelError, NotRecorded
from trainer.language_model.budget import Meter
from trainer.language_model.local import LocalModel
from trainer.language_model.recorded import Recorded, append_line

ASKED = {"max_tokens": 8, "temperature": 1.0, "stop": (), "seed": 3}


@pytest.fixture(scope="module")
def local(tiny_gpt):
    return LocalModel(tiny_gpt, Meter())


def log_prob(local, text, n_prompt_tokens):
    """The plain way: one pass over the whole text, no cache, no padding."""
    ids = torch.tensor([local.tokenizer(f"<s>{text}")["input_ids"]])
    with torch.no_grad():
        log_probs = local.model(ids).logits[0].log_softmax(-1)
    return sum(float(log_probs[at - 1, ids[0, at]]) for at in range(n_prompt_tokens, ids.shape[1]))


@pytest.mark.parametrize("prompt", ["how do I get a refund\nlabel:", "환불은 어떻게 하나요\nlabel:", ""])
def test_scores_of_whole_labels_are_the_sums_of_their_token_log_probs(local, prompt):
    continuations = [" card arrival\n", " card\n", " refund of a card that never came\n", " 환불\n"]
    n_prompt_tokens = len(local.tokenizer(f"<s>{prompt}")["input_ids"])
    expected = [log_prob(local, prompt + each, n_prompt_tokens) for each in continuations]
    assert local.score(prompt, continuations) == pytest.approx(expected, abs=1e-3)
    assert local.score(prompt, continuations[:1]) == pytest.approx(expected[:1], abs=1e-3)


def test_more_continuations_than_fit_one_pass_score_the_same(local):
    continuations = [f" label {number}" for number in range(40)]
    assert local.score("x:", continuations)[33] == pytest.approx(local.score("x:", continuations[33:34])[0], abs=1e-3)
    assert local.score("x:", []) == []


def test_a_seed_writes_the_same_text_again_and_another_one_does_not(local):
    first = local.complete("how do I", **ASKED)
    assert local.complete("how do I", **ASKED) == first
    assert local.complete("how do I", **(ASKED | {"seed": 4})).text != first.text
    assert 0 < first.n_completion_tokens <= 8


def test_temperature_zero_takes_the_likeliest_token(local):
    ids = torch.tensor([local.tokenizer("<s>how do I")["input_ids"]])
    likeliest = int(local.model(ids).logits[0, -1].argmax())
    said = local.complete("how do I", max_tokens=1, temperature=0.0, stop=(), seed=0).text
    assert said == local.tokenizer.decode([likeliest])


def test_writing_ends_at_a_stop(local):
    asked = ASKED | {"max_tokens": 30}
    whole = local.complete("how do I", **asked).text
    stop = whole[4:6]
    assert local.complete("how do I", **(asked | {"stop": (stop,)})).text == whole[: whole.index(stop)]


def test_a_prompt_longer_than_the_model_is_named(local):
    with pytest.raises(LanguageModelError, match="holds 512 tokens"):
        local.score("x " * 600, [" a"])


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(LanguageModelError, match=r"config\.json is missing"):
        LocalModel(tmp_path, Meter())


def test_the_same_question_is_asked_once_and_replayed_with_no_network(server, connect, tmp_path):
    server.write = lambda prompt, asked: f"answer {len(server.requests)}"
    meter = Meter()
    live = Recorded(tmp_path / "tiny.jsonl", "tiny", meter, connect(meter=meter))
    said, scores = live.complete("x", **ASKED), live.score("a prompt", [" a", " b"])
    again = [live.complete("x", **ASKED), live.score("a prompt", [" a", " b"])]
    assert again == [said, scores] and len(server.requests) == 2
    assert live.complete("x", **(ASKED | {"seed": 4})) != said

    replay = Recorded(tmp_path / "tiny.jsonl", "tiny", Meter())
    assert [replay.complete("x", **ASKED), replay.score("a prompt", [" a", " b"])] == [said, scores]
    assert (replay.meter.costs.n_calls, replay.meter.costs.n_replayed) == (0, 2)


def test_a_question_that_was_never_asked_is_a_clear_error(tmp_path):
    with pytest.raises(NotRecorded, match="holds no answer of tiny"):
        Recorded(tmp_path / "none.jsonl", "tiny", Meter()).complete("x", **ASKED)


def test_another_model_is_another_question(server, connect, tmp_path):
    Recorded(tmp_path / "a.jsonl", "tiny", Meter(), connect()).complete("x", **ASKED)
    with pytest.raises(NotRecorded):
        Recorded(tmp_path / "a.jsonl", "large", Meter()).complete("x", **ASKED)


def test_a_line_cut_off_by_a_crash_is_asked_again_and_spoils_no_other(server, connect, tmp_path):
    file = tmp_path / "a.jsonl"
    Recorded(file, "tiny", Meter(), connect()).complete("x", **ASKED)
    file.write_bytes(file.read_bytes() + b'{"key": "cut o')
    live = Recorded(file, "tiny", Meter(), connect())
    live.complete("y", **ASKED)
    replay = Recorded(file, "tiny", Meter())
    assert replay.complete("x", **ASKED) and replay.complete("y", **ASKED)


def test_two_records_on_one_file_share_answers_while_both_are_open(server, connect, tmp_path):
    one, two = (Recorded(tmp_path / "a.jsonl", "tiny", Meter(), connect()) for _ in range(2))
    one.complete("x", **ASKED)
    two.complete("x", **ASKED)
    assert len(server.requests) == 1


def write_lines(file, name):
    for number in range(50):
        append_line(file, json.dumps({"key": f"{name}{number}", "answer": "x" * 3000}).encode() + b"\n")


def test_processes_and_threads_may_write_at_once(tmp_path):
    file, context = tmp_path / "a.jsonl", multiprocessing.get_context("fork")
    writers = [context.Process(target=write_lines, args=(file, name)) for name in "ab"]
    for each in writers:
        each.start()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda name: write_lines(file, name), "cd"))
    for each in writers:
        each.join()
    assert len({json.loads(line)["key"] for line in file.read_bytes().splitlines()}) == 200
