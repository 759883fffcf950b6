"""`hypermatch prompts`, as a person uses it: list, show, try, measure."""

import json
import os
import subprocess
import sys

import pytest

from registry.database import write
from registry.labels import import_labels
from registry.tables import Part
from registry.tasks import create_task
from tests.trainer.language_model.clerk import LABELS, Clerk
from tests.trainer.language_model.test_materials import HUMAN


@pytest.fixture
def prompts(engine, registry_url, server, tmp_path, now):
    """Run the command on a registry with a small task, the clerk behind HTTP as its language model."""
    clerk = Clerk()
    server.write, server.rate = clerk.write, clerk.rate
    with write(engine) as session:
        create_task(session, "intent", LABELS, actor="ann", now=now)
        import_labels(session, "intent", [(text, LABELS[number]) for text, number in
                                          zip(HUMAN.texts, HUMAN.classes, strict=True)],
                      part=Part.TRAIN, actor="ann", origin="test", now=now)
    environment = os.environ | {
        "HYPERMATCH_REGISTRY_URL": registry_url, "HYPERMATCH_TRAINER_CACHE": str(tmp_path / "cache"),
        "HYPERMATCH_TRAINER_LM_BACKEND": "openai", "HYPERMATCH_TRAINER_LM_URL": server.url,
        "HYPERMATCH_TRAINER_LM_MODEL": "tiny"}

    def run(*arguments, **changes):
        return subprocess.run([sys.executable, "-m", "infra", "prompts", *arguments], env=environment | changes,
                              capture_output=True, text=True, timeout=120, check=False)

    return run


def first_label_prompt(prompts):
    return next(line.split()[0] for line in prompts("list").stdout.splitlines() if " label " in line)


def test_a_prompt_is_measured_on_human_labels_and_listed_first_hand(prompts):
    name = first_label_prompt(prompts)

    measured = prompts("measure", name, "--task", "intent", "--actor", "ann")
    assert measured.returncode == 0, measured.stderr
    assert "accuracy 1.000" in measured.stdout and "order moves it by 0." in measured.stdout
    shown = json.loads(prompts("show", name).stdout)
    assert shown["measured"][0]["task"] == "intent" and shown["measured"][0]["details"]["costs"]["n_calls"] > 10
    listed = prompts("list", "--task", "intent").stdout.splitlines()
    assert any(line.startswith(name) and "1.000" in line for line in listed)


def test_trying_a_prompt_shows_what_is_asked_and_what_is_answered(prompts):
    name = first_label_prompt(prompts)

    tried = prompts("try", name, "my card was stolen", "--task", "intent")

    assert tried.returncode == 0, tried.stderr
    assert "my card was stolen" in tried.stdout and "lost_or_stolen_card" in tried.stdout.splitlines()[-3]


def test_a_recorded_model_answers_again_without_its_endpoint(prompts):
    name = first_label_prompt(prompts)
    first = prompts("try", name, "my card was stolen", "--task", "intent")

    again = prompts("try", name, "my card was stolen", "--task", "intent", HYPERMATCH_TRAINER_LM_BACKEND="recorded",
                    HYPERMATCH_TRAINER_LM_URL="http://127.0.0.1:9/v1")

    assert again.stdout == first.stdout and again.returncode == 0


def test_without_a_language_model_the_command_says_what_to_set(prompts):
    name = first_label_prompt(prompts)

    refused = prompts("measure", name, "--task", "intent", HYPERMATCH_TRAINER_LM_BACKEND="none")

    assert refused.returncode == 2 and "HYPERMATCH_TRAINER_LM_BACKEND" in refused.stderr
