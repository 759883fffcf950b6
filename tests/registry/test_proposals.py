"""Proposed classes: found again they keep their number, decided they do not come back, accepted they are a class."""

from datetime import timedelta

import pytest

from registry import audit
from registry.class_decisions import accept, merge, reject, snooze, split
from registry.database import read, write
from registry.errors import IllegalMove, NotFound, Refused
from registry.labels import import_labels, labeled_texts
from registry.lifecycle.compatibility import compatibility_change
from registry.lifecycle.promotion import approve, promote, wanted
from registry.lifecycle.runs import requested_run
from registry.lifecycle.versions import record_evaluation, record_gate, register_candidate
from registry.proposals import forget_texts, list_proposals, record_proposals
from registry.tables import ClassProposal, Part, ProposalState
from registry.tasks import create_task, label_space
from registry.text import text_hash

TEXTS = [f"my lost card number {number}" for number in range(20)]
OTHERS = [f"a crypto question {number}" for number in range(20)]


def found(texts=TEXTS, name="lost card", center=(1.0, 0.0), **more):
    parts = [{"name": f"{name} {half}", "n_texts": 10, "cohesion": 0.8, "stability": 0.7,
              "findings": {"exemplars": some, "boundary": [], "members": [text_hash(text) for text in some]}}
             for half, some in (("first", texts[:10]), ("second", texts[10:]))]
    findings = {"exemplars": texts, "boundary": [f"{texts[0]} perhaps"], "terms": ["lost"], "encoder": "e 1",
                "center": list(center), "members": sorted(text_hash(text) for text in texts), "parts": parts}
    return ClassProposal(task="intents", state=ProposalState.PROPOSED, name=name, n_texts=len(texts), cohesion=0.9,
                         stability=0.8, findings=findings, bank_version=3, version_number=1, **more)


@pytest.fixture
def discovers(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intents", ["refund", "greeting"], actor="ada", now=now)

    def run(*drafts, later=timedelta(0)):
        with write(any_engine) as session:
            for draft in drafts:
                draft.created_at = now + later
            return record_proposals(session, "intents", drafts, actor="trainer", now=now + later)

    run.engine = any_engine
    return run


@pytest.fixture
def decides(any_engine, now):
    def run(decision, number, **more):
        with write(any_engine) as session:
            return decision(session, number, actor="ada", reason="looked at it", now=now, **more)

    return run


def test_what_is_found_again_keeps_its_number_and_what_is_gone_goes(discovers):
    first, other = discovers(found(), found(OTHERS, "crypto", (0.0, 1.0)))
    again = discovers(found([*TEXTS[:15], "one more lost card"], "lost cards"))
    assert [proposal.id for proposal in again] == [first.id]
    assert (again[0].name, again[0].n_texts) == ("lost cards", 16)
    assert other.id not in [proposal.id for proposal in again]


def test_a_rejected_class_does_not_come_back_in_other_words_of_the_same_place(discovers, decides):
    proposal, = discovers(found())
    decides(reject, proposal.id)
    assert discovers(found([f"new words {number}" for number in range(20)], center=(1.0, 0.1))) == []
    back = discovers(found(OTHERS, "crypto", (0.0, 1.0)))
    assert [each.name for each in back] == ["crypto"]


def test_a_snoozed_class_sleeps_until_its_time_and_then_comes_back_by_the_same_number(discovers, decides, now):
    proposal, = discovers(found())
    decides(snooze, proposal.id, until=now + timedelta(days=7))
    assert discovers(found(), later=timedelta(days=6)) == []
    assert [each.id for each in discovers(found(), later=timedelta(days=8))] == [proposal.id]


def test_accepting_makes_a_label_space_labels_of_both_parts_and_a_request_to_train(discovers, decides, now):
    proposal, = discovers(found())
    result = decides(accept, proposal.id, name="lost card")
    assert (result.label_space, result.n_train, result.n_gate) == (2, 14, 6)
    with read(discovers.engine) as session:
        assert label_space(session, "intents").labels == ["refund", "greeting", "lost card"]
        assert label_space(session, "intents", 1).labels == ["refund", "greeting"]
        train, gate = (labeled_texts(session, "intents", part) for part in (Part.TRAIN, Part.GATE))
        assert {row.origin for row in [*train, *gate]} == {"discovered, confirmed by ada"}
        assert not {row.text for row in train} & {row.text for row in gate}
        assert {row.text for row in [*train, *gate]} == set(TEXTS)
        request = requested_run(session, "intents")
        assert request is not None and "lost card" in request.reason
        assert audit.verify_chain(session) > 0
        assert next(audit.entries(session, action="class:named")).details["label_space"] == 2


def test_corrections_leave_texts_out_move_them_and_take_boundary_texts_in(discovers, decides):
    proposal, = discovers(found())
    boundary = proposal.findings["boundary"][0]
    result = decides(accept, proposal.id, name="lost card",
                     corrections={TEXTS[0]: None, text_hash(TEXTS[1]): "refund", boundary: "lost card"})
    with read(discovers.engine) as session:
        labels = {row.text: row.label for part in Part for row in labeled_texts(session, "intents", part)}
    assert TEXTS[0] not in labels and labels[TEXTS[1]] == "refund" and labels[boundary] == "lost card"
    assert result.n_train + result.n_gate == len(labels) == 20


@pytest.mark.parametrize(("name", "corrections", "says"), [
    ("refund", {}, "merge the proposal into it"),
    (" ", {}, "not usable"),
    ("lost card", {"never shown": None}, "does not show"),
    ("lost card", {TEXTS[0]: "no such class"}, "no label"),
    ("lost card", dict.fromkeys(TEXTS[2:]), "2 texts of 'lost card' are left"),
])
def test_a_refused_acceptance_changes_nothing(discovers, decides, name, corrections, says):
    proposal, = discovers(found())
    with pytest.raises(Refused) as refusal:
        decides(accept, proposal.id, name=name, corrections=corrections)
    assert says in str(refusal.value)
    with read(discovers.engine) as session:
        assert label_space(session, "intents").number == 1
        assert [each.state for each in list_proposals(session, "intents")] == [ProposalState.PROPOSED]
        assert not any(labeled_texts(session, "intents", part) for part in Part)


def test_a_text_that_judges_already_goes_on_judging(discovers, decides, now):
    proposal, = discovers(found())
    with write(discovers.engine) as session:
        import_labels(session, "intents", [(text, "refund") for text in TEXTS[:3]], part=Part.GATE, actor="bo",
                      origin="file", now=now)
    decides(accept, proposal.id, name="lost card")
    with read(discovers.engine) as session:
        gate = {row.text: row.label for row in labeled_texts(session, "intents", Part.GATE)}
    assert [gate.get(text) for text in TEXTS[:3]] == ["lost card"] * 3


def test_merging_gives_the_texts_to_a_class_that_exists_and_makes_no_label_space(discovers, decides):
    proposal, = discovers(found())
    assert decides(merge, proposal.id, label="refund").label_space == 1
    with read(discovers.engine) as session:
        assert {row.label for row in labeled_texts(session, "intents", Part.TRAIN)} == {"refund"}
        assert label_space(session, "intents").number == 1


def test_splitting_makes_proposals_of_the_parts_that_outlive_the_next_discovery(discovers, decides):
    proposal, = discovers(found())
    children = decides(split, proposal.id)
    assert [child.name for child in children] == ["lost card first", "lost card second"]
    assert {each.id for each in discovers(found())} == {child.id for child in children}
    assert decides(accept, children[0].id, name="first half").n_train == 7


@pytest.mark.parametrize("second", [accept, merge, split, reject, snooze])
def test_a_decision_is_made_once(discovers, decides, now, second):
    more = {accept: {"name": "again"}, merge: {"label": "refund"}, snooze: {"until": now + timedelta(days=1)}}
    proposal, = discovers(found())
    decides(accept, proposal.id, name="lost card")
    with pytest.raises(IllegalMove, match="accepted by ada"):
        decides(second, proposal.id, **more.get(second, {}))


def test_erased_texts_leave_the_proposals_and_what_was_decided_is_still_remembered(discovers, decides):
    first, _other = discovers(found(), found(OTHERS, "crypto", (0.0, 1.0)))
    decides(reject, first.id)
    with write(discovers.engine) as session:
        assert forget_texts(session, 4) == 0 and forget_texts(session, 3) == 2
    with read(discovers.engine) as session:
        left, = list_proposals(session, "intents")
    assert left.id == first.id and not any(text in str(left.findings) for text in [*TEXTS, *OTHERS])
    assert [each.name for each in discovers(found(), found(OTHERS, "crypto", (0.0, 1.0)))] == ["crypto"]


def test_an_unknown_proposal_and_a_nameless_decider_are_refused(discovers, now):
    proposal, = discovers(found())
    with write(discovers.engine) as session, pytest.raises(NotFound):
        reject(session, 99, actor="ada", reason="r", now=now)
    with write(discovers.engine) as session, pytest.raises(Refused):
        reject(session, proposal.id, actor=" ", reason="r", now=now)


def test_a_grown_label_space_is_shown_as_a_change_audited_when_promoted_and_may_be_pinned(discovers, decides, now):
    engine = discovers.engine
    _promoted(engine, 1, now)
    proposal, = discovers(found())
    decides(accept, proposal.id, name="lost card")
    version = _approved(engine, 2, now)
    with read(engine) as session:
        change = compatibility_change(session, version)
        assert change is not None and (change.before, change.after, change.added) == (1, 2, ["lost card"])
    with write(engine) as session:
        promote(session, "intents", version.number, actor="ada", reason="good", now=now)
    with read(engine) as session:
        told = next(audit.entries(session, action="label_space:changed"))
        assert (told.subject, told.details["added"]) == ("intents v2", ["lost card"])
        assert wanted(session)[0].earlier_labels == {1: ["refund", "greeting"]}


def _approved(engine, space, now):
    with write(engine) as session:
        version = register_candidate(session, "intents", digest="a" * 64, label_space=space, run_id=None,
                                     requested_by="ada", recipe={}, bank_version=None, code_revision="t", n_labels=2,
                                     now=now)
        record_evaluation(session, version, {"n_texts": 1}, now=now)
        record_gate(session, version, {"passed": True, "reasons": ["good"], "checks": []}, now=now)
        return approve(session, "intents", version.number, actor="ada", reason="good", now=now)


def _promoted(engine, space, now):
    version = _approved(engine, space, now)
    with write(engine) as session:
        promote(session, "intents", version.number, actor="ada", reason="good", now=now)
