"""The demo's person names what is new once, leaves wrong texts out, and rejects what is known or no class."""

import pytest

from infra.demo.naming import decide_on
from registry.database import read, write
from registry.labels import labeled_texts
from registry.lifecycle.runs import requested_run
from registry.proposals import list_proposals, record_proposals
from registry.tables import ClassProposal, Part, ProposalState
from registry.tasks import create_task, label_space


def texts_of(label, n, start=0):
    return [f"{label} {number}" for number in range(start, start + n)]


TRUTH = {text: label for label in ("old", "crypto", "visa", "x", "y", "z") for text in texts_of(label, 40)}


def proposal(name, center, texts, now):
    return ClassProposal(task="intents", state=ProposalState.PROPOSED, name=name, n_texts=len(texts), cohesion=1.0,
                         stability=1.0, bank_version=1, version_number=1, created_at=now,
                         findings={"exemplars": texts, "members": [], "center": center, "encoder": "e 1"})


@pytest.fixture
def decided(engine, now):
    mixed = [*texts_of("x", 3), *texts_of("y", 3), *texts_of("z", 3)]
    with write(engine) as session:
        create_task(session, "intents", ["old", "other"], actor="demo", now=now)
        record_proposals(session, "intents", [
            proposal("a", [1.0, 0, 0, 0, 0], [*texts_of("crypto", 9), *texts_of("old", 2)], now),
            proposal("b", [0, 1.0, 0, 0, 0], texts_of("crypto", 5, start=9), now),
            proposal("c", [0, 0, 1.0, 0, 0], texts_of("old", 8, start=10), now),
            proposal("d", [0, 0, 0, 1.0, 0], mixed, now),
            proposal("e", [0, 0, 0, 0, 1.0], texts_of("visa", 2), now)], actor="trainer", now=now)
        waiting = list_proposals(session, "intents", ProposalState.PROPOSED)
        verdicts = decide_on(session, waiting, TRUTH, {"old", "other"}, actor="demo", now=now)
    return engine, {verdict.proposed: verdict for verdict in verdicts}


def test_each_proposal_gets_the_verdict_that_its_exemplars_deserve(decided):
    _, verdicts = decided
    said = {name: verdict.said.partition(":")[0] for name, verdict in verdicts.items()}
    assert sorted(said[name] for name in "ab") == ["accepted", "merged"]
    assert [said[name] for name in "cde"] == ["rejected"] * 3
    assert (verdicts["c"].label, verdicts["a"].share) == ("old", 0.82)


def test_only_texts_of_the_class_become_labels_and_one_run_is_asked_for(decided):
    engine, _ = decided
    with read(engine) as session:
        rows = [*labeled_texts(session, "intents", Part.TRAIN), *labeled_texts(session, "intents", Part.GATE)]
        assert label_space(session, "intents").labels == ["old", "other", "crypto"]
        assert sorted(row.text for row in rows) == sorted(texts_of("crypto", 14))
        assert requested_run(session, "intents") is not None
