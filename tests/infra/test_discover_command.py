"""`hypermatch discover`: a person sees what was found and decides on it at the command line."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from infra.cli import cli
from registry.database import read, write
from registry.errors import HyperMatchError
from registry.labels import labeled_texts
from registry.lifecycle.runs import list_runs
from registry.proposals import list_proposals, record_proposals
from registry.tables import ClassProposal, Part, ProposalState, RunKind, RunState
from registry.tasks import create_task, label_space
from registry.text import text_hash

TEXTS = [f"my lost card number {number}" for number in range(10)]
WHY = ("--reason", "looked at it", "--actor", "ada")


@pytest.fixture
def proposed(engine, registry_url, monkeypatch, tmp_path):
    """A task with one proposal, and the command line that works on its registry."""
    monkeypatch.setenv("HYPERMATCH_REGISTRY_URL", registry_url)
    monkeypatch.setenv("HYPERMATCH_REGISTRY_ARTIFACTS", str(tmp_path / "artifacts"))
    now = datetime.now(UTC)
    findings = {"exemplars": TEXTS, "boundary": ["is it a lost card?"], "terms": ["lost", "number"], "encoder": "e",
                "center": [1.0, 0.0], "members": sorted(map(text_hash, TEXTS)), "merge_with": ["stolen"],
                "trend": [{"from": "2026-01-01", "n_texts": 3}], "parts": []}
    draft = ClassProposal(task="intents", state=ProposalState.PROPOSED, name="lost card", n_texts=10, cohesion=0.9,
                          stability=0.8, near_label="refund", findings=findings, bank_version=1, version_number=1,
                          created_at=now)
    with write(engine) as session:
        create_task(session, "intents", ["refund", "greeting"], actor="ada", now=now)
        number = record_proposals(session, "intents", [draft], actor="trainer", now=now)[0].id

    def run(*arguments):
        return CliRunner().invoke(cli, ["discover", *map(str, arguments)], standalone_mode=False)

    run.number = number
    return run


def test_a_proposal_is_listed_shown_and_accepted_without_the_wrong_texts(proposed, engine):
    assert "lost card" in proposed("list", "--task", "intents").output
    shown = proposed("show", proposed.number).output
    assert "key terms: lost, number" in shown and "may be one with: stolen" in shown
    assert "  1  my lost card number 0" in shown and " 11  is it a lost card?" in shown

    told = proposed("accept", proposed.number, "--name", "lost_card", "--without", 1, "--correct", "2=refund",
                    "--correct", "11=lost_card", *WHY)

    assert "label space 2" in told.output, told.exception
    with read(engine) as session:
        labels = {row.text: row.label for part in Part for row in labeled_texts(session, "intents", part)}
        assert label_space(session, "intents").labels[-1] == "lost_card"
    assert TEXTS[0] not in labels and labels[TEXTS[1]] == "refund" and labels["is it a lost card?"] == "lost_card"
    assert "accepted" in proposed("list", "--task", "intents", "--all").output


@pytest.mark.parametrize(("command", "says"), [
    (("merge", "--into", "refund"), "teach 'refund'"), (("reject",), "it is remembered"),
    (("snooze", "--days", "3"), "sleeps for 3 days"),
])
def test_other_decisions_are_one_command_and_twice_is_refused(proposed, engine, command, says):
    assert says in proposed(command[0], proposed.number, *command[1:], *WHY).output
    with read(engine) as session:
        assert not list_proposals(session, "intents", ProposalState.PROPOSED)
    again = proposed("accept", proposed.number, "--name", "x", *WHY)
    assert command[0] == "snooze" or isinstance(again.exception, HyperMatchError)


@pytest.mark.parametrize(("arguments", "says"), [
    ((), "give --task, or a command"), (("show", 99), "no proposal 99"), (("list", "--task", "nothing"), "no task"),
    (("split", 1, *WHY), "no parts"), (("accept", 1, "--name", "x", "--without", 12, *WHY), "shows 1 to 11"),
    (("accept", 1, "--name", "x", "--correct", "2", *WHY), "not N=LABEL"),
    (("accept", 1, "--name", "refund", *WHY), "merge the proposal into it"),
    (("--task", "intents"), "no champion"),
])
def test_a_mistake_says_how_to_mend_it(proposed, arguments, says, monkeypatch, tmp_path):
    monkeypatch.setenv("HYPERMATCH_INGEST_BANK", str(tmp_path / "bank"))
    told = proposed(*arguments)
    assert says in str(told.exception) or says in getattr(told.exception, "message", "")


def test_a_discovery_by_hand_is_a_run_that_others_see_and_a_dry_one_is_not(proposed, engine, monkeypatch, tmp_path):
    monkeypatch.setenv("HYPERMATCH_INGEST_BANK", str(tmp_path / "bank"))
    assert "no champion" in str(proposed("--task", "intents", "--dry-run").exception)
    with read(engine) as session:
        assert list_runs(session) == []
    proposed("--task", "intents", "--actor", "ada", "--reason", "new kinds")
    with read(engine) as session:
        run = list_runs(session)[0]
    assert (run.kind, run.state, run.actor) == (RunKind.DISCOVERY, RunState.FAILED, "ada")
    assert run.reason == "discover: new kinds" and "no champion" in run.outcome
