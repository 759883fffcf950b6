"""The review queue: one text to one person at a time, labels where enough agree, a way back from each answer."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from registry.database import read, write
from registry.errors import NotFound, Refused, Stale
from registry.labels import import_labels, labeled_texts
from registry.reviews import (
    Wanted,
    agreement,
    answer,
    bring_back,
    claim_next,
    list_items,
    progress,
    queue_texts,
    release,
    skip,
    suggested_classes,
    take_out,
    undo,
)
from registry.reviews.agreement import kappa
from registry.reviews.argilla import user_id
from registry.reviews.outside import labeling_config
from registry.tables import Part, ReviewState
from registry.tasks import create_task

TEXTS = ["my card is lost", "where is my card", "close my account", "what is the rate"]
LABELS = ["lost", "arrival", "close", "rate & fee"]


@pytest.fixture
def queue(any_engine, now):
    """A task with four texts in its queue, the first the most worthwhile."""
    return filled(any_engine, now, n_wanted=1)


def filled(engine, now, n_wanted):
    with write(engine) as session:
        create_task(session, "intent", LABELS, actor="ann", now=now)
        queue_texts(session, "intent", [
            Wanted(text, "uncertainty", "unsure", worth=1 - number / 10, guess="lost", confidence=0.4, novelty=0.1)
            for number, text in enumerate(TEXTS)], actor="ann", now=now, n_wanted=n_wanted, version_number=3)
    return engine


def claim(engine, actor, now):
    with write(engine) as session:
        item = claim_next(session, "intent", actor=actor, now=now)
        return None if item is None else item.id


def label(engine, item, actor, now, what="lost"):
    with write(engine) as session:
        return answer(session, item, what, actor=actor, now=now)


def human(engine):
    with read(engine) as session:
        return {row.text: (row.label, row.actor) for row in labeled_texts(session, "intent", Part.TRAIN)}


def test_two_people_are_given_different_texts_until_a_claim_ends(queue, now):
    first, second = claim(queue, "ann", now), claim(queue, "bob", now)

    assert first != second
    assert claim(queue, "ann", now) == first          # hers still
    assert claim(queue, "cyd", now + timedelta(minutes=11)) == first
    with pytest.raises(Stale, match="somebody else"):
        label(queue, first, "dan", now + timedelta(minutes=11))


def test_an_answer_becomes_a_human_label_that_says_where_it_came_from(queue, now):
    item = claim(queue, "ann", now)
    assert label(queue, item, "ann", now).state is ReviewState.SETTLED
    label(queue, item, "ann", now)                    # twice is once

    assert human(queue) == {TEXTS[0]: ("lost", "ann")}
    with read(queue) as session:
        assert labeled_texts(session, "intent", Part.TRAIN)[0].origin == f"review item {item} (uncertainty)"
    with pytest.raises(Stale, match="'lost' by now"):
        label(queue, item, "bob", now, "arrival")
    with pytest.raises(Refused, match="no label 'x'"):
        label(queue, claim(queue, "bob", now), "bob", now, "x")


def test_where_two_must_agree_nobody_is_asked_twice_and_a_third_person_decides(any_engine, now):
    engine = filled(any_engine, now, n_wanted=2)
    item = claim(engine, "ann", now)
    assert claim(engine, "bob", now) == item          # the same text, for two
    assert claim(engine, "cyd", now) != item
    assert label(engine, item, "ann", now).state is ReviewState.OPEN and not human(engine)
    assert label(engine, item, "bob", now, "arrival").state is ReviewState.DISPUTED
    assert claim(engine, "ann", now) != item
    assert claim(engine, "dan", now) == item          # disputed texts come first
    label(engine, item, "dan", now, "arrival")

    assert human(engine) == {TEXTS[0]: ("arrival", "bob + dan")}
    with read(engine) as session:
        found = agreement(session, "intent")
    assert (found.n_items, found.n_disputed) == (1, 1)
    assert {(pair.one, pair.other): pair.n_agreed for pair in found.pairs} == {
        ("ann", "bob"): 0, ("ann", "dan"): 0, ("bob", "dan"): 1}


def test_the_last_answer_can_be_taken_back_with_its_label_unless_that_was_changed(queue, now):
    item = claim(queue, "ann", now)
    label(queue, item, "ann", now)
    with write(queue) as session:
        assert undo(session, "intent", actor="ann", now=now).id == item
    assert human(queue) == {} and claim(queue, "ann", now) == item

    label(queue, item, "ann", now, "arrival")
    with write(queue) as session:
        import_labels(session, "intent", [(TEXTS[0], "close")], part=Part.TRAIN, actor="bob", origin="file", now=now)
    with pytest.raises(Stale, match="changed since"), write(queue) as session:
        undo(session, "intent", actor="ann", now=now)
    with pytest.raises(Refused, match="nothing"), write(queue) as session:
        undo(session, "intent", actor="eve", now=now)


def test_what_three_people_skip_is_dropped_and_a_released_text_is_free_at_once(queue, now):
    item = claim(queue, "ann", now)
    with write(queue) as session:
        release(session, item, actor="ann")
    for actor in ("bob", "cyd", "dan"):
        assert claim(queue, actor, now) == item
        with write(queue) as session:
            last = skip(session, item, actor=actor, now=now)
        assert claim(queue, actor, now) not in (None, item)
        with write(queue) as session:
            release(session, claim_next(session, "intent", actor=actor, now=now).id, actor=actor)
    assert last.state is ReviewState.DROPPED


def test_a_class_that_the_task_lacks_is_named_and_no_label_is_made_of_it(queue, now):
    item = claim(queue, "ann", now)
    with write(queue) as session:
        answer(session, item, "stolen", actor="ann", now=now, is_new_class=True)
    with read(queue) as session:
        assert {name: [each.id for each in items] for name, items in suggested_classes(session, "intent").items()} == {
            "stolen": [item]}
    assert human(queue) == {}
    with pytest.raises(Refused, match="twice"), write(queue) as session:
        answer(session, claim_next(session, "intent", actor="ann", now=now).id, "lost", actor="ann", now=now,
               is_new_class=True)


def test_texts_that_are_queued_or_labeled_are_not_queued_again(queue, now):
    with write(queue) as session:
        import_labels(session, "intent", [("gate text", "lost")], part=Part.GATE, actor="ann", origin="x", now=now)
        again = queue_texts(session, "intent", [Wanted(text, "novelty", "") for text in (TEXTS[0], "gate text", "new")],
                            actor="ann", now=now)
        assert [item.text for item in again] == ["new"]
    with pytest.raises(Refused, match="1 to 5"), write(queue) as session:
        queue_texts(session, "intent", [], actor="ann", now=now, n_wanted=9)
    with pytest.raises(NotFound), write(queue) as session:
        answer(session, 999, "lost", actor="ann", now=now)


def test_kappa_is_agreement_beyond_chance():
    assert kappa([("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15) == pytest.approx(0.4)
    assert kappa([("a", "a")]) is None and kappa([("a", "b"), ("b", "a")]) == -1


@pytest.mark.parametrize("form", ["argilla", "label-studio"])
def test_the_queue_goes_out_and_comes_back_without_loss_and_twice_is_once(queue, now, form):
    label(queue, claim(queue, "ann", now), "ann", now)
    with read(queue) as session:
        rows = json.loads(json.dumps(take_out(session, "intent", form)))
    answered_outside = {"argilla": answer_in_argilla, "label-studio": answer_in_label_studio}[form]
    answered_outside(rows[1], "rate & fee")
    with write(queue) as session:
        first = bring_back(session, "intent", form, rows, actor="bob", now=now)
    with write(queue) as session:
        second = bring_back(session, "intent", form, rows, actor="bob", now=now)

    assert (first.added, first.unchanged, first.contradicting, first.queued) == (1, 1, 0, 0)
    assert (second.added, second.unchanged) == (0, 2)
    assert human(queue) == {TEXTS[0]: ("lost", "ann"), TEXTS[1]: ("rate & fee", "bob")}
    with read(queue) as session:
        assert progress(session, "intent").states["settled"] == 2


def answer_in_argilla(row, label):
    assert set(row) == {"id", "fields", "metadata", "suggestions", "responses", "vectors"}
    assert row["suggestions"]["label"] == {"value": "lost", "score": 0.4, "agent": "v3"}
    row["responses"] = {"label": [{"value": label, "user_id": user_id("bob")}]}
    row["_server_id"] = "6ad8d9a0-7f8c-4b0e-9c8e-2f1f1f3c9b11"


def answer_in_label_studio(row, label):
    assert row["predictions"][0]["result"][0]["value"] == {"choices": ["lost"]}
    row["annotations"] = [{
        "id": 11, "completed_by": {"id": 1, "email": "bob"}, "was_cancelled": False, "ground_truth": False,
        "lead_time": 4.3, "result": [{"id": "zLSY-XLk64", "type": "choices", "origin": "manual", "to_name": "text",
                                      "from_name": "label", "value": {"choices": [label]}}]}]


def test_what_other_tools_export_by_themselves_is_read(queue, now):
    studio = [{"id": 5, "data": {"text": "brand new"}, "project": 83, "annotations": [
        {"id": 1, "completed_by": 10, "result": [], "was_cancelled": True},
        {"id": 2, "completed_by": 12, "was_cancelled": False, "result": [
            {"value": {"choices": ["close"]}, "from_name": "label", "to_name": "text", "type": "choices"}]}]}]
    argilla = [{"id": "a-9", "fields": {"text": "newer still"}, "metadata": {}, "suggestions": {}, "vectors": {},
                "responses": {"label": [{"value": "lost", "user_id": "7d1f2b57-3c5f-4d0e-8f51-bb8f1c2f9f00"}]}}]
    with write(queue) as session:
        bring_back(session, "intent", "label-studio", studio, actor="ann", now=now)
        bring_back(session, "intent", "argilla", argilla, actor="ann", now=now)

    found = human(queue)
    assert found["brand new"] == ("close", "label-studio:12")
    assert found["newer still"] == ("lost", "argilla:7d1f2b57-3c5f-4d0e-8f51-bb8f1c2f9f00")


@pytest.mark.parametrize(("form", "rows", "says"), [
    ("argilla", {}, "not a list"),
    ("argilla", [{"id": "1"}], "row 1 has no fields"),
    ("argilla", [{"fields": {"text": "a"}, "responses": {"label": [{"value": "x"}]}}], "row 1: task intent has no"),
    ("label-studio", [{"data": {"text": 3}}], "data.text is int, not str"),
    ("label-studio", [{"data": {"text": "a"}, "annotations": [{"result": 1}]}], "result is int, not list"),
])
def test_a_file_that_cannot_be_read_is_refused_whole_with_the_row(queue, now, form, rows, says):
    with pytest.raises(Refused, match=says), write(queue) as session:
        bring_back(session, "intent", form, rows, actor="ann", now=now)
    assert human(queue) == {}


def test_the_labeling_configuration_is_xml_whatever_the_labels_hold(queue):
    from xml.etree import ElementTree

    with read(queue) as session:
        tree = ElementTree.fromstring(labeling_config(session, "intent"))
    assert [choice.get("value") for choice in tree.iter("Choice")] == LABELS
    with read(queue) as session:
        assert [item.worth for item in list_items(session, "intent")] == sorted(
            (item.worth for item in list_items(session, "intent")), reverse=True)


def test_people_who_ask_in_the_same_instant_are_given_different_texts(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intent", LABELS, actor="ann", now=now)
    people = ["ann", "bob", "cyd", "dan"]
    together = threading.Barrier(len(people))

    def ask(actor):
        together.wait()
        return claim(any_engine, actor, now)

    for n_asked in range(20):
        with write(any_engine) as session:
            queue_texts(session, "intent", [Wanted(f"{n_asked} {text}", "uncertainty", "unsure") for text in TEXTS],
                        actor="ann", now=now)
        with ThreadPoolExecutor(len(people)) as pool:
            given = list(pool.map(ask, people))
        assert None not in given and len(set(given)) == len(people)
        for actor, item in zip(people, given, strict=True):
            label(any_engine, item, actor, now)
