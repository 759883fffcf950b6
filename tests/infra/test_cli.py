"""The command line: instant help, one-line errors that say how to mend them, exit code 2."""

import os
import subprocess
import sys

import pytest

from infra.cli import COMMANDS


def run(*arguments, **environment):
    return subprocess.run([sys.executable, "-m", "infra", *arguments], check=False, capture_output=True, text=True,
                          env={**os.environ, **environment})


@pytest.fixture
def state(tmp_path):
    environment = {"HYPERMATCH_REGISTRY_URL": f"sqlite:///{tmp_path}/registry.db",
                   "HYPERMATCH_REGISTRY_ARTIFACTS": str(tmp_path / "artifacts")}
    assert run("migrate", **environment).returncode == 0
    return environment


def test_help_names_every_command_and_imports_nothing_heavy():
    told = run("--help")
    assert all(name in told.stdout for name in COMMANDS)
    probe = "import infra.cli, sys; print([m for m in ('torch', 'sqlmodel', 'kafka', 'bentoml') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", probe], text=True).strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    told = run(name, "--help")
    assert told.returncode == 0 and "Usage" in told.stdout, told.stderr


def test_a_task_is_created_labeled_and_listed(state, tmp_path):
    (tmp_path / "labels.csv").write_text("text,label\ngive it back,refund\nhello,greeting\n")
    assert run("task", "create", "intents", "--label", "refund", "--label", "greeting", **state).returncode == 0
    told = run("labels", "import", str(tmp_path / "labels.csv"), "--task", "intents", "--part", "train", **state)
    assert told.stdout.strip() == "2 added, 0 changed, 0 unchanged"
    assert "intents" in run("task", "list", **state).stdout


@pytest.mark.parametrize(("arguments", "says"), [
    (("models", "list", "nothing"), "there is no task 'nothing'"),
    (("task", "create", "Bad Name", "--label", "a", "--label", "b"), "is not a task name"),
    (("task", "create", "one", "--label", "a"), "needs 2 to"),
    (("models", "promote", "x", "1", "--reason", " "), "there is no task 'x'"),
    (("runs", "request", "--task", "x", "--reason", "y"), "there is no task 'x'"),
])
def test_a_mistake_is_one_line_and_exit_code_2(state, arguments, says):
    told = run(*arguments, **state)
    assert told.returncode == 2 and says in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("environment", "says"), [
    ({"HYPERMATCH_REGISTRY_URL": "sqlite:////nowhere/registry.db"}, "hypermatch migrate"),
    ({"HYPERMATCH_REGISTRY_URL": "mysql://x"}, "must begin with sqlite:/// or postgresql+psycopg://"),
    ({"HYPERMATCH_REGISTRY_URL": "postgresql+psycopg://u:secret@127.0.0.1:1/x"}, "does not answer"),
])
def test_a_wrong_setting_says_which_and_keeps_secrets(environment, says):
    told = run("task", "list", **environment)
    assert told.returncode == 2 and says in told.stderr and "Traceback" not in told.stderr
    assert "secret" not in told.stderr


@pytest.mark.parametrize(("name", "content", "says"), [
    ("labels.csv", "text,kind\nx,y\n", "has no column 'label'"),
    ("labels.txt", "text,label\n", "is not CSV, JSONL or Parquet"),
    ("labels.jsonl", '{"text": "a", "label": "refund"}\nnot json\n', "cannot be read"),
    ("labels.jsonl", '{"text": 5, "label": "refund"}\n', "row 1: text is 5, not text"),
    ("labels.parquet", "no parquet", "cannot be read"),
])
def test_a_file_that_is_not_what_it_should_be_is_named(state, tmp_path, name, content, says):
    run("task", "create", "intents", "--label", "refund", "--label", "greeting", **state)
    (tmp_path / name).write_text(content)
    told = run("labels", "import", str(tmp_path / name), "--task", "intents", "--part", "train", **state)
    assert told.returncode == 2 and says in told.stderr, told.stderr


def test_rows_that_nobody_labeled_are_left_out_of_an_import(state, tmp_path):
    (tmp_path / "next.csv").write_text("text,label,chosen,why\ngive it back,refund,random,\nhello,,uncertainty,\n")
    assert run("task", "create", "intents", "--label", "refund", "--label", "greeting", **state).returncode == 0
    told = run("labels", "import", str(tmp_path / "next.csv"), "--task", "intents", "--part", "train", **state)
    assert told.stdout.strip() == "1 added, 0 changed, 0 unchanged, 1 without label left out"


@pytest.mark.parametrize("arguments", [("curve", "--task", "x", "--target", "0.9"), ("labels", "next", "--task", "x")])
def test_a_question_about_a_task_that_is_not_there_is_one_line(state, arguments):
    told = run(*arguments, **state)
    assert told.returncode == 2 and "there is no task 'x'" in told.stderr
