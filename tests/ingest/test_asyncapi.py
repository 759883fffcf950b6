"""The published description of the events is what the code reads and writes."""

from pathlib import Path

import pytest
import yaml

from registry import events

DOCUMENT = yaml.safe_load((Path(__file__).parents[2] / "infra" / "asyncapi.yaml").read_text())


@pytest.mark.parametrize("event", [events.TextReceived, events.PredictionServed, events.LabelSpaceChanged,
                                   events.DeadLetter])
def test_the_document_holds_the_schema_of_every_event(event):
    assert DOCUMENT["components"]["schemas"][event.__name__] == event.model_json_schema()


def test_the_document_names_the_topics():
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == {events.TEXTS_TOPIC, events.PREDICTIONS_TOPIC, events.LABEL_SPACES_TOPIC,
                         events.DEAD_LETTERS_TOPIC}
