"""What a subject wrote is erased wherever the registry took it: labels, review, drift reports, proposals."""

import pytest
from sqlmodel import select

from registry import audit
from registry.database import read, write
from registry.drift import record_drift_check
from registry.forgetting import ERASED, Reached, forget_everywhere
from registry.labels import import_labels, labeled_texts
from registry.proposals import record_proposals
from registry.reviews import Wanted, answer, list_items, queue_texts
from registry.tables import ClassProposal, DriftCheck, Part, ProposalState, ReviewAnswer
from registry.tasks import create_task

MINE, OTHER = "my name is zanzibar and my card is lost", "where is the nearest branch"


def report(*examples):
    return {"is_alarm": True, "p_value": 0.001, "reason": "novelty", "examples_now": [each[:20] for each in examples],
            "examples_before": [], "counts": {"window": {"n_texts": 2, "words": {"zanzibar": 1, "branch": 1}}},
            "moved": [{"kind": "cluster", "name": MINE[:15], "z": 5.0}, {"kind": "word", "name": "zanzibar", "z": 4.0},
                      {"kind": "word", "name": "branch", "z": 3.0}]}


@pytest.fixture
def filled(any_engine, now):
    """A registry that took both texts from bank version 3 into all that it keeps."""
    with write(any_engine) as session:
        create_task(session, "intents", ["lost", "branch"], actor="ada", now=now)
        import_labels(session, "intents", [(MINE, "lost"), (OTHER, "branch")], part=Part.GATE, actor="ada",
                      origin="discovered, confirmed by ada", now=now)
        items = queue_texts(session, "intents", [Wanted(f"{text}!", "novelty", "why") for text in (MINE, OTHER)],
                            actor="ada", now=now)
        answer(session, items[0].id, "lost", actor="ada", now=now)
        for bank_version in (2, 3):
            record_drift_check(session, "intents", bank_version=bank_version, version_number=1, advice="wait",
                               report=report(MINE, OTHER), run_id=None, now=now)
        record_proposals(session, "intents", [ClassProposal(
            task="intents", state=ProposalState.PROPOSED, name="lost card", n_texts=2, cohesion=1.0, stability=1.0,
            findings={"exemplars": [MINE, OTHER], "members": [], "center": [1.0, 0.0], "encoder": "e 1"},
            bank_version=3, version_number=1, created_at=now)], actor="trainer", now=now)
    return any_engine


def test_a_text_goes_from_labels_review_reports_and_proposals_and_others_stay(filled, now):
    with write(filled) as session:
        reached = forget_everywhere(session, [MINE, f"{MINE}!"], 3, actor="bob", reason="asked to", now=now)
    # the text of the review became a label when it was answered
    assert reached == Reached(n_labels=2, n_review_items=1, n_drift_checks=1, n_proposals=1, drift_tasks=["intents"])
    with read(filled) as session:
        assert [row.text for row in labeled_texts(session, "intents", Part.GATE)] == [OTHER]
        assert labeled_texts(session, "intents", Part.TRAIN) == []
        assert [item.text for item in list_items(session, "intents")] == [f"{OTHER}!"]
        assert not session.exec(select(ReviewAnswer)).all() and not session.exec(select(ClassProposal)).all()
        before, after = session.exec(select(DriftCheck).order_by(DriftCheck.id)).all()
        entries = list(audit.entries(session, action="label:erased"))
    assert "zanzibar" in str(before.report)           # older than the text: it cannot be of this subject
    assert "zanzibar" not in str(after.report) and "my" not in str(after.report["moved"])
    assert after.report["examples_now"] == [OTHER[:20]]
    assert [each["name"] for each in after.report["moved"]] == [ERASED, ERASED, "branch"]
    assert len(entries) == 2 and not any(MINE in str(entry) for entry in entries)


def test_what_was_never_taken_leaves_everything_as_it_is(filled, now):
    with write(filled) as session:
        assert forget_everywhere(session, ["unheard of"], 9, actor="bob", reason="asked to", now=now) == Reached()
    with read(filled) as session:
        assert len(labeled_texts(session, "intents", Part.GATE)) == 2
