"""Fine-tuning: the same weights in one process or two, killed or not; shipped where held-out labels speak for it."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file

from registry.artifacts.bundle import load_bundle
from serving.predictor import Predictor
from tests.ingest.conftest import make_rows
from tests.trainer.conftest import LABELS, fill
from tests.trainer.test_runs import train
from trainer.encoders.bodies import export_body
from trainer.encoders.kinds import open_encoder
from trainer.errors import EncoderError, Interrupted, RecipeError, TrainerError
from trainer.fine_tuning import devices
from trainer.fine_tuning.batches import Plan
from trainer.fine_tuning.checkpoints import FILE as CHECKPOINT
from trainer.fine_tuning.engine import Workshop, fine_tune, why_not
from trainer.fine_tuning.job import RESULT, Job, begin, folder_of
from trainer.fine_tuning.launch import done
from trainer.fine_tuning.lessons import Lessons
from trainer.fine_tuning.losses import Batch, Doubt, contrast
from trainer.fine_tuning.recipe import FineTuningRecipe
from trainer.fine_tuning.rounds import Subject, seen_by
from trainer.fine_tuning.tuned import tuned_encoder
from trainer.fine_tuning.views import strong_view
from trainer.learning.choice import Choice, Duel, choose_more
from trainer.learning.embedded import Unlabeled
from trainer.learning.learn import learn
from trainer.recipe import recipe_of

EVERY_TERM = {"dropout": 0.0, "batch_rows": 16, "labeled_rows": 4, "epochs": 2.0, "checkpoint_steps": 3,
              "teacher_share": 0.5, "contrast_weight": 0.5, "ema_decay": 0.5, "learning_rate": 0.001,
              "precision": "fp32"}


@pytest.fixture(scope="module")
def lessons(banking) -> Lessons:
    """Human labels, a bank with soft pseudo-labels, and a head that begins with nothing."""
    labeled = [(text, number) for number, label in enumerate(LABELS) for text in banking[label][:4]]
    bank = [text for label in LABELS for text in banking[label][4:24]]
    generator = np.random.default_rng(0)
    classes = np.array([number for _, number in labeled])
    guesses = np.repeat(np.eye(4), 20, axis=0) + generator.random((80, 4))
    targets = np.concatenate([np.eye(4)[classes], guesses / guesses.sum(axis=1, keepdims=True)])
    weights = np.concatenate([np.ones(16), generator.random(80)])
    return Lessons([text for text, _ in labeled] + bank, targets.astype(np.float32), weights.astype(np.float32), 16,
                   np.zeros((4, 17), np.float32))


def job_of(tiny_transformer, lessons, **fine_tuning):
    recipe = recipe_of({"encoder": f"hf:{tiny_transformer}", "max_tokens": 24,
                        "fine_tuning": EVERY_TERM | fine_tuning})
    return Job(recipe, None, 7, lessons)


def encoder_of(job):
    return open_encoder(job.recipe, (), None)


def tuned(cache, job, report=lambda _done: None):
    return load_file(done(cache, encoder_of(job), job, report))


def untuned(tiny_transformer, lessons):
    """Return the encoder's weights by the names that tuned ones have."""
    encoder = encoder_of(job_of(tiny_transformer, lessons)).build()
    return {f"encoder.{name}": each.detach().numpy() for name, each in encoder.named_parameters()}


def largest_difference(one, other):
    assert one.keys() == other.keys()
    return max(np.abs(one[name] - other[name]).max() for name in one)


@pytest.fixture(scope="module")
def undisturbed(tiny_transformer, lessons, tmp_path_factory):
    """What one process makes without interruption."""
    return tuned(tmp_path_factory.mktemp("undisturbed"), job_of(tiny_transformer, lessons))


def test_two_processes_tune_as_one(undisturbed, tiny_transformer, lessons, tmp_path):
    told = []
    found = tuned(tmp_path, job_of(tiny_transformer, lessons, n_processes=2), told.append)

    before = untuned(tiny_transformer, lessons)
    assert max(np.abs(before[name] - found[name]).max() for name in found if name in before) > 0.001
    assert largest_difference(found, undisturbed) < 1e-5
    assert told == sorted(told) and told[-1] == 1


@pytest.mark.parametrize(("has_bf16", "least", "most"), [(True, 1e-5, 0.1), (False, 0, 1e-6)])
def test_a_cpu_that_has_bf16_tunes_with_it_to_nearly_the_same_weights(undisturbed, tiny_transformer, lessons, tmp_path,
                                                                       monkeypatch, has_bf16, least, most):
    monkeypatch.setattr(devices, "_has_bf16", lambda: has_bf16)
    found = tuned(tmp_path, job_of(tiny_transformer, lessons, precision="auto"))
    before = untuned(tiny_transformer, lessons)
    moved = np.linalg.norm([np.linalg.norm(undisturbed[name] - before[name]) for name in found if name in before])
    apart = np.linalg.norm([np.linalg.norm(undisturbed[name] - found[name]) for name in found if name in before])
    assert least <= apart / moved <= most
    assert all(each.dtype == np.float32 for each in found.values())


def test_a_process_killed_in_mid_training_is_gone_on_with_to_the_same_weights(undisturbed, tiny_transformer, lessons,
                                                                             tmp_path):
    job = job_of(tiny_transformer, lessons)
    folder = folder_of(tmp_path, encoder_of(job), job)
    begin(folder, replace(job, recipe=replace(job.recipe, fine_tuning=replace(job.recipe.fine_tuning,
                                                                              checkpoint_steps=1))))
    process = subprocess.Popen([sys.executable, "-m", "trainer.fine_tuning.worker", str(folder), str(os.getpid())])
    deadline = time.monotonic() + 60
    while not (folder / CHECKPOINT).exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not (folder / RESULT).exists()

    told = []
    found = tuned(tmp_path, job, told.append)

    assert told[0] > 0 and largest_difference(found, undisturbed) < 1e-6
    assert [file.name for file in folder.iterdir()] == [RESULT]           # no text stays behind


def test_an_interrupted_tuning_keeps_its_checkpoint_and_no_text(undisturbed, tiny_transformer, lessons, tmp_path):
    job = job_of(tiny_transformer, lessons)

    def interrupt(done):
        if done > 0.5:
            raise Interrupted("told to stop")

    with pytest.raises(Interrupted):
        tuned(tmp_path, job, interrupt)

    folder = folder_of(tmp_path, encoder_of(job), job)
    assert [file.name for file in folder.iterdir()] == [CHECKPOINT]
    assert largest_difference(tuned(tmp_path, job), undisturbed) < 1e-6


def test_what_was_tuned_once_is_not_tuned_again(tiny_transformer, lessons, tmp_path):
    job = job_of(tiny_transformer, lessons)
    tuned(tmp_path, job)
    told = []
    tuned(tmp_path, job, told.append)
    assert told == []

    tuned(tmp_path, replace(job, seed=8), told.append)
    assert told


def test_a_tuned_encoder_has_its_own_digest_and_exports_like_any_other(tiny_transformer, lessons, tmp_path):
    job = job_of(tiny_transformer, lessons)
    base = encoder_of(job)
    encoder = tuned_encoder(base, done(tmp_path, base, job, lambda _done: None))

    assert encoder.digest != base.digest and "fine-tuned" in encoder.name and encoder.license == "mit"
    assert export_body(encoder) != export_body(base)                      # each proved against torch


def test_what_fails_in_another_process_is_told_in_one_line(tiny_transformer, lessons, tmp_path):
    with pytest.raises(TrainerError, match="2 layers, and 5 are to stay frozen"):
        tuned(tmp_path, job_of(tiny_transformer, lessons, n_processes=2, frozen_layers=5))


def test_frozen_layers_stay_as_they_are(tiny_transformer, lessons, tmp_path):
    found = tuned(tmp_path, job_of(tiny_transformer, lessons, frozen_layers=1))
    assert {name for name in found if ".layer.1." not in name} == {"head.weight", "head.bias"}


def small_run(tiny_transformer, **fine_tuning):
    return recipe_of({"encoder": f"hf:{tiny_transformer}", "max_tokens": 24, "export": {"n_golden": 4},
                      "fine_tuning": EVERY_TERM | {"use": "always", "n_rounds": 2, "epochs": 1.0} | fine_tuning})


def banked(workplace, banking):
    texts = [text for label in LABELS for text in banking[label][40:60]]
    workplace.bank.append(make_rows(texts, task="intent"), {("texts", 0): len(texts)})


def test_a_run_ships_the_tuned_encoder_and_the_serving_predictor_proves_it(workplace, banking, tiny_transformer):
    fill(workplace.engine, banking, n_train=6)
    banked(workplace, banking)
    steps = []
    version = train(workplace, small_run(tiny_transformer), watch=lambda step, _done: steps.append(step)).version

    learning = version.evaluation["learning"]
    assert learning["arm"] == "fine-tuned" and learning["evidence"]["fine_tuning"]["asked"] == 8
    assert learning["evidence"]["tuned_on"] and "fine-tuning" in steps
    bundle = load_bundle(workplace.store, version.digest)
    assert "fine-tuned" in bundle.facts.encoder
    Predictor.load(bundle, ["CPUExecutionProvider"], 1).check_golden()


def test_with_one_label_per_class_nothing_can_speak_for_fine_tuning(lessons, tiny_transformer, tmp_path):
    recipe = small_run(tiny_transformer, use="auto")
    base = open_encoder(recipe, (), tmp_path)
    subject = Subject(lessons.texts[:16:4], np.arange(4), lessons.texts[16:], LABELS, speaks=False)
    sight = seen_by(base, subject, tmp_path, 1, lambda _done: None)
    labeled = sight.labeled(subject, np.arange(4))
    learned = learn(labeled, Unlabeled(sight.texts[4:]), None, recipe.head, recipe.in_domain, recipe.seed)

    encoder, found = fine_tune(Workshop(base, tmp_path, 1, lambda _step, _done: None), sight, subject, learned, recipe)

    assert encoder is base and found.head is learned.head and found.choice.arm == learned.choice.arm
    assert "no held-out label can speak for fine-tuning" in found.choice.reason


@pytest.mark.parametrize(("told", "n_unlabeled", "n_gpus", "why"), [
    ({}, 5_000, 1, ""), ({}, 5_000, 0, "no GPU"), ({"fine_tuning": {"use": "always"}}, 5_000, 0, ""),
    ({"fine_tuning": {"use": "never"}}, 5_000, 8, "the recipe"), ({"encoder": "subword"}, 5_000, 1, "a transformer"),
    ({"in_domain": {"use": "never"}}, 5_000, 1, "bank out"), ({"fine_tuning": {"use": "always"}}, 20, 1, "too few")])
def test_tuning_is_tried_by_itself_only_on_a_gpu_and_only_where_a_bank_teaches(told, n_unlabeled, n_gpus, why):
    found = why_not(recipe_of(told), 10, n_unlabeled, n_gpus)
    assert why in found and bool(why) == bool(found)


@pytest.mark.parametrize(("wins", "losses", "arm"), [(9, 3, "fine-tuned"), (3, 9, "in-domain"), (1, 1, "in-domain")])
def test_a_tuned_encoder_ships_only_where_held_out_labels_say_that_it_helps(wins, losses, arm):
    before = Choice("in-domain", "in-domain learning helps", {"duel": {}})
    found = choose_more("fine-tuned", before, Duel(30, wins, losses), 0.7)

    assert found.arm == arm and found.evidence["fine_tuning"]["wins"] == wins and "duel" in found.evidence
    assert f"{wins} labels won and {losses} lost of 30 held out" in found.reason


def test_every_text_is_seen_in_an_epoch_and_any_step_can_be_begun_at(lessons):
    plan = Plan(lessons, FineTuningRecipe(batch_rows=20, labeled_rows=4, epochs=2.0), 3)
    batches = list(plan.batches(0))

    assert len(batches) == plan.n_steps == 12
    assert {row for batch in batches[:6] for row in batch[4:]} == set(range(96))
    assert sorted(row for batch in batches[:4] for row in batch[:4]) == list(range(16))
    np.testing.assert_array_equal(np.stack(list(plan.batches(7))), np.stack(batches[7:]))


def test_a_strong_view_keeps_words_of_the_text_and_comes_again_with_its_seed():
    text = "I have been waiting for my new card for two weeks"
    views = [strong_view(text, 0.2, np.random.default_rng(seed)) for seed in range(50)]

    assert all(view and set(view.split()) <= set(text.split()) for view in views) and len(set(views)) > 10
    assert views[3] == strong_view(text, 0.2, np.random.default_rng(3))
    assert strong_view("lost card", 0.9, np.random.default_rng(0)) == "lost card"


def test_doubt_leaves_human_labels_alone_and_weighs_unsure_pseudo_labels_less():
    recipe = FineTuningRecipe(teacher_share=0.5, ema_decay=0.0)
    targets = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5], [0.0, 1.0]])
    batch = Batch(targets, torch.ones(4), 1, torch.tensor([True, False, False, True]))
    found = Doubt(torch.tensor([0.5, 0.5]), recipe)(batch, torch.tensor([[3.0, 0.0], [0.0, 0.1], [9.0, 0.0]]))

    assert found.targets[0].tolist() == [1.0, 0.0] and found.weights[0] == 1
    assert found.targets[3].tolist() == [0.0, 1.0]                    # dealt with the bank, but a person said it
    assert found.weights[1] > found.weights[2] > 0
    assert found.targets.sum(dim=-1).tolist() == pytest.approx([1, 1, 1, 1])


def test_contrast_is_low_where_texts_of_one_class_lie_together():
    targets = torch.eye(2).repeat_interleave(3, dim=0)
    batch = Batch(targets, torch.ones(6), 2, torch.ones(6, dtype=torch.bool))
    together = F.normalize(targets + 0.01 * torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), dim=-1)
    assert contrast(together, batch, 0.1) < contrast(together[torch.tensor([0, 3, 1, 4, 2, 5])], batch, 0.1)


def test_what_cannot_be_tuned_is_refused_by_name():
    with pytest.raises(RecipeError, match=r"fine_tuning\.use"):
        recipe_of({"encoder": "subword", "fine_tuning": {"use": "always"}})
    with pytest.raises(RecipeError, match="multiple of n_processes"):
        recipe_of({"fine_tuning": {"n_processes": 5}})
    with pytest.raises(EncoderError, match="no stack of layers"):
        from trainer.fine_tuning.student import layers_of

        layers_of(torch.nn.Linear(2, 2))
