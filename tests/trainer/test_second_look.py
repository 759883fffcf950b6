"""The second look: the encoder is tuned on the groups found, the same each time, where the recipe is for it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.conftest import LABELS
from trainer.discovery import tuning
from trainer.discovery.grouping import Groups
from trainer.discovery.tuning import tuned_on, why_not_tuned
from trainer.encoders.kinds import open_encoder
from trainer.errors import Interrupted, RecipeError
from trainer.fine_tuning.engine import Workshop
from trainer.fine_tuning.rounds import vectors_of
from trainer.recipe import recipe_of

N_TEXTS = 24


@pytest.fixture
def grouped(banking):
    """Texts of four groups, the first four of each labeled, the others less sure."""
    texts = [text for place in (slice(4), slice(4, N_TEXTS)) for label in LABELS for text in banking[label][place]]
    classes = np.concatenate([np.repeat(np.arange(4), 4), np.repeat(np.arange(4), N_TEXTS - 4)])
    membership = np.eye(4)[classes] * 0.8 + 0.05
    membership[:16] = np.eye(4)[classes[:16]]
    return texts, classes, Groups(membership, np.zeros((4, 16)), 2)


def recipe_with(encoder, **discovery):
    return recipe_of({"encoder": encoder, "max_tokens": 24, "discovery": discovery,
                      "fine_tuning": {"batch_rows": 16, "labeled_rows": 4, "learning_rate": 0.02, "precision": "fp32",
                                      "dropout": 0.0, "edited_share": 0.0, "checkpoint_steps": 2}})


def parted(vectors, classes):
    """Say how much more alike texts of one class are than texts of two."""
    alike, same = vectors @ vectors.T, classes[:, None] == classes
    return alike[same & ~np.eye(len(classes), dtype=bool)].mean() - alike[~same].mean()


def test_texts_of_one_group_come_nearer_and_each_time_alike(grouped, tiny_transformer, tmp_path):
    texts, classes, groups = grouped
    recipe = recipe_with(f"hf:{tiny_transformer}", tuning_epochs=20.0)
    base = open_encoder(recipe, (), tmp_path)

    def look(cache, told):
        def report(step, done):
            told.append((step, done))

        encoder = tuned_on(groups, texts, 16, recipe, Workshop(base, cache, 1, report))
        return vectors_of(encoder, texts, cache, 1, lambda _done: None)

    told = []
    before, after = vectors_of(base, texts, tmp_path, 1, lambda _done: None), look(tmp_path / "one", told)
    assert parted(after, classes) > max(4 * parted(before, classes), 0.01)
    assert [step for step, done in told if done == 1.0] == ["embedding", "fine-tuning"]

    def interrupt(step, done):
        if step == "fine-tuning" and done > 0.5:
            raise Interrupted("told to stop")

    with pytest.raises(Interrupted):
        tuned_on(groups, texts, 16, recipe, Workshop(base, tmp_path / "two", 1, interrupt))
    told = []
    again = look(tmp_path / "two", told)
    assert min(done for step, done in told if step == "fine-tuning") > 0.4           # it goes on where it was
    assert np.abs(again - after).max() < 1e-4


def test_of_many_texts_some_are_drawn_and_labels_before_others(grouped, tiny_transformer, tmp_path, monkeypatch):
    texts, _, groups = grouped
    texts, groups = texts * 3, replace(groups, membership=np.concatenate([groups.membership] * 3))
    jobs = []
    monkeypatch.setattr(tuning, "done", lambda _cache, _encoder, job, _report: jobs.append(job))
    monkeypatch.setattr(tuning, "tuned_encoder", lambda base, _weights: base)
    for most, seed in ((1_000, 1), (100, 1), (100, 1), (100, 2)):
        recipe = replace(recipe_with(f"hf:{tiny_transformer}", max_tuning_texts=most), seed=seed)
        shop = Workshop(open_encoder(recipe, (), tmp_path), tmp_path, 1, lambda _step, _done: None)
        tuned_on(groups, texts, 16, recipe, shop)
    everything, some, again, others = [job.lessons for job in jobs]
    assert everything.texts == texts and len(some.texts) == 100
    assert all(found.n_labeled == 16 and found.texts[:16] == texts[:16] for found in (everything, some, others))
    assert some.texts == again.texts != others.texts and len(some.targets) == len(some.weights) == 100


@pytest.mark.parametrize(("encoder", "tune", "n_gpus", "why"), [
    ("minilm", "auto", 1, ""), ("minilm", "auto", 0, "no GPU"), ("minilm", "always", 0, ""),
    ("minilm", "never", 1, "recipe"), ("subword", "auto", 1, "only a transformer"),
    ("subword:/a/folder", "auto", 1, "only a transformer")])
def test_a_second_look_takes_a_transformer_and_by_itself_a_gpu(encoder, tune, n_gpus, why):
    found = why_not_tuned(recipe_with(encoder, tune=tune), n_gpus)
    assert why in found and bool(found) == bool(why)


def test_a_recipe_says_when_to_tune_or_is_refused():
    with pytest.raises(RecipeError, match=r"discovery\.tune.*auto or always or never"):
        recipe_of({"discovery": {"tune": "sometimes"}})
    with pytest.raises(RecipeError, match=r"discovery\.tune.*subword"):
        recipe_of({"encoder": "subword", "discovery": {"tune": "always"}})
