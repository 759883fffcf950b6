"""The prompt library: words are versioned, quality is kept per task and guides the choice on the next task."""

import pytest

from registry import audit
from registry.database import read, write
from registry.errors import NotFound
from registry.prompts import best_first, get_prompt, list_prompts, qualities, record_quality, save_prompt
from registry.tasks import create_task

SPEC = {"name": "label-en", "use": "label", "language": "en", "opening": "이 글은"}


@pytest.fixture
def library(any_engine, now):
    with write(any_engine) as session:
        for task in ("intents", "topics", "new"):
            create_task(session, task, ["a", "b"], actor="ada", now=now)

    def save(**changes):
        with write(any_engine) as session:
            return save_prompt(session, SPEC | changes, actor="ada", now=now)

    def measured(prompt, task, accuracy, language_model="tiny"):
        with write(any_engine) as session:
            record_quality(session, prompt, task, language_model, n_labels=50, accuracy=(accuracy, 0.0, 1.0),
                           details={"order_spread": 0.1}, actor="ada", now=now)

    save.engine, save.measured = any_engine, measured
    return save


def test_changed_words_are_a_new_version_and_the_same_words_are_not(library):
    assert [library().version, library().version, library(opening="other").version, library().version] == [1, 1, 2, 1]
    with read(library.engine) as session:
        assert [(prompt.name, prompt.version) for prompt in list_prompts(session)] == [("label-en", 2)]
        assert get_prompt(session, "label-en", 1).spec == SPEC
        assert get_prompt(session, "label-en").spec["opening"] == "other"
        assert len(list(audit.entries(session, action="prompt:saved"))) == 2
        with pytest.raises(NotFound, match="label-en' version 3"):
            get_prompt(session, "label-en", 3)


def test_quality_is_kept_per_task_and_audited(library):
    prompt = library()
    library.measured(prompt, "intents", 0.8)
    library.measured(prompt, "topics", 0.6)
    with read(library.engine) as session:
        assert [quality.accuracy for quality in qualities(session, name="label-en")] == [0.6, 0.8]
        assert [quality.details for quality in qualities(session, task="intents")] == [{"order_spread": 0.1}]
        assert audit.verify_chain(session) == 6


def test_what_was_measured_on_the_task_counts_first_then_what_other_tasks_say(library):
    here, elsewhere, poor = (library(name=name) for name in ("here", "elsewhere", "poor"))
    library.measured(here, "new", 0.5)
    library.measured(elsewhere, "intents", 0.9)
    library.measured(poor, "intents", 0.2)
    library.measured(poor, "intents", 0.95, language_model="another")
    names = ["unmeasured", "poor", "elsewhere", "here"]
    with read(library.engine) as session:
        assert best_first(session, names, "new", "tiny") == ["here", "elsewhere", "poor", "unmeasured"]
        assert best_first(session, names, "new", "another") == ["poor", "unmeasured", "elsewhere", "here"]


def test_only_the_newest_measurement_counts(library):
    one, two = library(name="one"), library(name="two")
    library.measured(one, "new", 0.9)
    library.measured(two, "new", 0.7)
    library.measured(one, "new", 0.5)
    with read(library.engine) as session:
        assert best_first(session, ["one", "two"], "new", "tiny") == ["two", "one"]
