"""What a language model costs is in the run's record, as a person sees it: asked anew, replayed, or cut short."""

import json

import pytest
from click.testing import CliRunner

from infra.cli import cli
from registry.errors import NotFound
from tests.trainer.language_model.clerk import Clerk
from tests.trainer.test_runs import RECIPE
from trainer.language_model.backend import NotRecorded
from trainer.language_model.budget import Costs

LITTLE = """
[language_model]
mixed_per_label = 1
generated_per_label = 1
n_labeled = 5
n_orders = 1
is_calibrated = false
[augmentation]
providers = ["paraphrase"]
n_views = 1
max_texts = 4
"""


@pytest.fixture
def command(workplace, task, registry_url, server, tmp_path):
    """Run `hypermatch` on a task with labels, the clerk behind HTTP as its language model."""
    clerk = Clerk()
    server.write, server.rate = clerk.write, clerk.rate
    (tmp_path / "recipe.toml").write_text(RECIPE.format(epochs=0) + LITTLE)
    environment = {
        "HYPERMATCH_REGISTRY_URL": registry_url, "HYPERMATCH_REGISTRY_ARTIFACTS": str(tmp_path / "artifacts"),
        "HYPERMATCH_INGEST_BANK": str(tmp_path / "bank"), "HYPERMATCH_TRAINER_CACHE": str(tmp_path / "cache"),
        "HYPERMATCH_TRAINER_THREADS": "1", "HYPERMATCH_TRAINER_LM_URL": server.url,
        "HYPERMATCH_TRAINER_LM_MODEL": "tiny", "HYPERMATCH_TRAINER_LM_PROMPT_PRICE": "1000"}

    def run(*arguments, **changes):
        return CliRunner().invoke(cli, arguments, env=environment | changes, catch_exceptions=False).stdout

    run.train = ("train", "--task", task, "--recipe", str(tmp_path / "recipe.toml"))
    return run


def test_calls_tokens_and_seconds_of_an_endpoint_and_of_its_replay_are_in_the_record(command, task):
    assert "language model: " in command(*command.train, HYPERMATCH_TRAINER_LM_BACKEND="openai")
    assert "replayed" in command(*command.train, HYPERMATCH_TRAINER_LM_BACKEND="recorded")

    first, second = (json.loads(command("runs", "show", number))["facts"]["costs"] for number in ("1", "2"))
    assert first["n_calls"] > 20 and first["n_prompt_tokens"] > 1_000 and first["seconds"] > 0 and first["money"] > 0
    assert second["n_calls"] == 0 and second["n_replayed"] == first["n_calls"] + first["n_replayed"]
    listed = command("runs", "list")
    assert f"{int(first['n_calls'])} calls" in listed and f"0 calls, 0 tokens, 0.0 s, {second['n_replayed']}" in listed
    evidence = json.loads(command("models", "show", task, "1"))["evaluation"]["learning"]["evidence"]
    assert evidence["language_model"]["costs"] == first and evidence["augmentation"]["paraphrase"]["made"] == 4


def test_a_run_that_fails_has_its_costs_on_record_too(command):
    with pytest.raises(NotRecorded, match="run once with the model itself"):
        command(*command.train, HYPERMATCH_TRAINER_LM_BACKEND="recorded")
    assert json.loads(command("runs", "show", "1"))["facts"]["costs"] == Costs().to_dict()


def test_a_run_without_a_language_model_has_no_costs(command):
    command(*command.train, HYPERMATCH_TRAINER_LM_BACKEND="none")
    assert "costs" not in json.loads(command("runs", "show", "1"))["facts"]
    with pytest.raises(NotFound, match="no run 7"):
        command("runs", "show", "7")
