"""Human labels: all rows or none, and nothing that judges is ever trained on."""

import pytest

from registry import audit
from registry.database import read, write
from registry.errors import NotFound, Refused
from registry.labels import import_labels, labeled_texts, n_labels
from registry.tables import Part
from registry.tasks import create_task, label_space


@pytest.fixture
def imports(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intents", ["refund", "greeting"], actor="ada", now=now)

    def run(rows, part=Part.TRAIN, actor="ada"):
        with write(any_engine) as session:
            return import_labels(session, "intents", rows, part=part, actor=actor, origin="labels.csv", now=now)

    run.engine = any_engine
    return run


def test_labels_keep_who_and_from_where_and_importing_twice_changes_nothing(imports):
    rows = [("give it back", "refund"), ("hello", "greeting")]
    assert imports(rows).added == 2
    again = imports(rows)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 2)
    with read(imports.engine) as session:
        first = labeled_texts(session, "intents", Part.TRAIN)[0]
        assert (first.text, first.label, first.actor, first.origin) == ("give it back", "refund", "ada", "labels.csv")
        assert len(list(audit.entries(session, action="labels:imported"))) == 2


def test_a_corrected_label_replaces_the_old_one(imports):
    imports([("hello", "refund")])
    assert imports([("hello", "greeting")], actor="bo").changed == 1
    with read(imports.engine) as session:
        assert [(row.label, row.actor) for row in labeled_texts(session, "intents", Part.TRAIN)] == [("greeting", "bo")]


def test_a_gate_text_can_never_become_a_train_text(imports):
    imports([("hello", "greeting")], part=Part.GATE)
    with pytest.raises(Refused, match="gate text already"):
        imports([("fine", "refund"), ("  hello\n", "greeting")])
    with read(imports.engine) as session:
        assert n_labels(session, "intents", Part.TRAIN) == 0


@pytest.mark.parametrize(("rows", "says"), [
    ([("hello", "greeting"), ("x", "unknown")], "row 2: task intents has no label 'unknown'"),
    ([("hello", "greeting"), ("hello", "refund")], "two labels"),
    ([(" \x00 ", "greeting")], "row 1 has no text"),
])
def test_one_bad_row_refuses_the_whole_file(imports, rows, says):
    with pytest.raises(Refused, match=says):
        imports(rows)
    with read(imports.engine) as session:
        assert n_labels(session, "intents", Part.TRAIN) == 0


def test_thousands_of_rows_are_looked_up_in_chunks(imports):
    rows = [(f"text {i}", "refund") for i in range(2_500)]
    assert imports(rows).added == 2_500
    assert imports(rows).unchanged == 2_500


@pytest.mark.parametrize("labels", [["one"], ["a", "a"], ["a", " b"], ["a", ""], ["a", "b\u202e"]])
def test_unusable_label_spaces_are_refused(engine, now, labels):
    with pytest.raises(Refused), write(engine) as session:
        create_task(session, "t", labels, actor="ada", now=now)


@pytest.mark.parametrize("name", ["", "UPPER", "a b", "../x", "-a", "x" * 64])
def test_malformed_task_names_are_refused(engine, now, name):
    with pytest.raises(Refused), write(engine) as session:
        create_task(session, name, ["a", "b"], actor="ada", now=now)


def test_an_unknown_task_names_the_known_ones(imports):
    with read(imports.engine) as session, pytest.raises(NotFound, match="known tasks: intents"):
        label_space(session, "intent")
