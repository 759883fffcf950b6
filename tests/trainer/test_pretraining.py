"""Pretraining on a bank's own text: kept with its card, opened by recipes, taken up after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from serving.predictor import NgramFeatures
from tests.ingest.conftest import make_rows
from trainer.encoders.bodies import body_of
from trainer.encoders.cache import EmbeddingCache
from trainer.encoders.contexts import context_table
from trainer.encoders.counts import count_matrix
from trainer.encoders.embedder import Embedder
from trainer.encoders.kinds import open_encoder
from trainer.encoders.subword import config_of
from trainer.errors import EncoderError, Interrupted
from trainer.pretraining.card import Source
from trainer.pretraining.kept import find, kept_encoders
from trainer.pretraining.pretrain import UNFINISHED, pretrain_encoder
from trainer.pretraining.texts import Batch, gate_texts_of, gathered, of_bank
from trainer.recipe import recipe_of
from trainer.workplace import limit_threads

TINY = """
[subword]
dimensions = 16
context_dimensions = 16
n_buckets = 4096
[transformer]
vocabulary = 400
dimensions = 32
layers = 1
heads = 2
max_tokens = 16
epochs = 4
batch_rows = 8
checkpoint_steps = 3
"""
RECIPE = recipe_of({"subword": {"dimensions": 16, "context_dimensions": 16, "n_buckets": 4_096},
                    "transformer": {"vocabulary": 400, "dimensions": 32, "layers": 1, "heads": 2, "max_tokens": 16,
                                    "epochs": 4, "batch_rows": 8, "checkpoint_steps": 3}})


@pytest.fixture
def traffic(banking):
    """Texts of four intents; the task's gate texts are among them."""
    return [text for texts in banking.values() for text in texts[:40]]


@pytest.fixture
def texts(workplace, task, traffic):
    workplace.bank.append(make_rows(traffic, task=task), {("texts", 0): len(traffic)})
    return gathered(of_bank(workplace, task), gate_texts_of(workplace))


def pretrained(workplace, root, texts, kind, report=lambda _done: None, recipe=RECIPE):
    return pretrain_encoder(workplace, root, texts, kind, recipe, name="ours", inputs_license="CC0 1.0", report=report)


@pytest.mark.parametrize("kind", ["subword", "transformer"])
def test_a_recipe_opens_what_was_pretrained_and_its_card_says_of_what(workplace, texts, traffic, tmp_path, kind):
    kept = pretrained(workplace, tmp_path / "encoders", texts, kind)

    encoder = open_encoder(recipe_of({"encoder": kept.named}), [], tmp_path)
    vectors = Embedder(encoder, body_of(encoder, tmp_path), EmbeddingCache(tmp_path, encoder.digest), 1).embed(traffic)
    assert np.isfinite(vectors).all() and np.linalg.matrix_rank(vectors) > 8
    card = json.loads((kept.folder / "card.json").read_bytes())
    assert card["n_texts"] == len(texts.texts) == 100 and card["n_gate_texts_left_out"] == 60
    assert [source["name"] for source in card["sources"]] == ["bank, task intent", "train labels, task intent"]
    assert card["sources"][0]["bank_version"] == workplace.bank.version
    assert card["code_revision"] == "test" and card["seed"] == RECIPE.seed and "CC0 1.0" in encoder.license
    assert "CC0 1.0" in (kept.folder / "card.md").read_text()
    assert find(tmp_path / "encoders", "ours").folder == kept.folder
    assert not list((tmp_path / "encoders" / UNFINISHED).iterdir())


def stopping_at(share):
    def report(done):
        if done > share:
            raise Interrupted("stopped")

    return report


def test_an_interrupted_subword_goes_on_behind_the_part_it_finished(workplace, texts, tmp_path):
    whole = pretrained(workplace, tmp_path / "whole", texts, "subword")
    with pytest.raises(Interrupted):
        pretrained(workplace, tmp_path / "cut", texts, "subword", stopping_at(0.5))
    (finished,) = (tmp_path / "cut" / UNFINISHED).rglob("semantic.safetensors")
    made_at = finished.stat().st_mtime_ns

    seen = []

    def report(_done):
        seen.append(finished.stat().st_mtime_ns)

    resumed = pretrained(workplace, tmp_path / "cut", texts, "subword", report)

    assert set(seen) == {made_at}
    assert (resumed.folder / "table.safetensors").read_bytes() == (whole.folder / "table.safetensors").read_bytes()


@pytest.fixture
def command(tmp_path, traffic, registry_url):
    """Runs `hypermatch encoder`, one thread, on a file of texts."""
    pq.write_table(pa.table({"text": traffic, "split": ["train"] * 150 + ["test"] * 10}), tmp_path / "texts.parquet")
    (tmp_path / "recipe.toml").write_text(TINY)

    def started(root, *arguments):
        environment = {"HYPERMATCH_REGISTRY_URL": registry_url, "HYPERMATCH_REGISTRY_ARTIFACTS": str(tmp_path / "a"),
                       "HYPERMATCH_INGEST_BANK": str(tmp_path / "bank"), "HYPERMATCH_TRAINER_THREADS": "1",
                       "HYPERMATCH_TRAINER_ENCODERS": str(tmp_path / root), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([sys.executable, "-m", "infra", "encoder", *arguments], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment})

    return started


def test_a_killed_pretraining_is_taken_up_and_ends_as_one_that_was_not(workplace, traffic, command, tmp_path):
    process = command("killed", "pretrain", "--texts", str(tmp_path / "texts.parquet"), "--where", "split=train",
                      "--kind", "transformer", "--recipe", str(tmp_path / "recipe.toml"))
    while not list((tmp_path / "killed").rglob("state.safetensors")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not list(kept_encoders(tmp_path / "killed"))

    limit_threads(1)
    heard = []
    texts = gathered([Batch(Source("texts.parquet", 150), traffic[:150])], set())
    resumed = pretrained(workplace, tmp_path / "killed", texts, "transformer", heard.append)
    whole = pretrained(workplace, tmp_path / "whole", texts, "transformer")

    assert heard[0] == 0 and heard[1] >= 3 / 90                       # it goes on where a checkpoint was
    for name in ("model.safetensors", "tokenizer.json"):
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


@pytest.mark.parametrize(("arguments", "says"), [
    (("pretrain",), "give --task, --all-tasks or --texts"),
    (("pretrain", "--all-tasks"), "cannot be pretrained on 0 texts"),
    (("show", "nothing"), "there is no pretrained encoder 'nothing'"),
])
def test_a_mistake_is_told_in_one_line(command, arguments, says):
    process = command("encoders", *arguments)
    _, complaint = process.communicate()

    assert process.returncode == 2 and says in complaint and "Traceback" not in complaint


def test_a_damaged_encoder_is_refused(workplace, texts, tmp_path):
    kept = pretrained(workplace, tmp_path, texts, "subword")
    with (kept.folder / "table.safetensors").open("r+b") as file:
        file.seek(5_000)
        file.write(b"flipped")

    with pytest.raises(EncoderError, match="does not match its sha256"):
        open_encoder(recipe_of({"encoder": kept.named}), [], tmp_path)


def test_a_task_takes_its_contexts_from_an_encoder_that_read_more(workplace, texts, traffic, tmp_path):
    kept = pretrained(workplace, tmp_path, texts, "subword")
    recipe = recipe_of({"encoder": "subword", "subword": {"dimensions": 16, "n_buckets": 4_096,
                                                          "contexts": str(kept.folder)}})

    own = open_encoder(recipe, traffic[:20], tmp_path)
    read = open_encoder(recipe_of({"encoder": kept.named}), [], tmp_path)

    tables = [encoder.build().table.weight for encoder in (own, read)]
    assert torch.equal(tables[0][:, 16:], tables[1][:, 16:]) and not torch.equal(tables[0], tables[1])
    assert "CC0 1.0" in own.license
    with pytest.raises(EncoderError, match="other n-grams"):
        open_encoder(replace(recipe, subword=replace(recipe.subword, n_buckets=8_192)), traffic, tmp_path)


def test_words_that_stand_beside_the_same_words_lie_near():
    subjects = ("나는", "너는", "우리는")
    sentences = [f"{subject} {fruit} {verb}" for subject in subjects for verb in ("먹어", "샀어", "씻어")
                 for fruit in ("사과를", "딸기를")]
    sentences += [f"{subject} {place} {verb}" for subject in subjects for verb in ("가자", "갔어", "왔어")
                  for place in ("학교에", "병원에")]
    recipe = replace(RECIPE.subword, n_buckets=2**16)
    featurize = NgramFeatures(config_of(recipe))

    table = context_table(sentences, featurize, recipe, 0, lambda _done: None)

    rows = count_matrix(["사과를", "딸기를", "학교에"], featurize) @ table
    apple, berry, school = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert apple @ berry > apple @ school + 0.3


def test_texts_of_one_word_each_have_no_contexts_and_are_embedded_nevertheless(tmp_path):
    encoder = open_encoder(recipe_of({"encoder": "subword", "subword": {"n_buckets": 512}}), ["네", "아니요", "네네"],
                           tmp_path)

    vectors = encoder.build()(torch.from_numpy(encoder.featurize(["네", "아니요"])["ngram_ids"])).detach().numpy()

    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
