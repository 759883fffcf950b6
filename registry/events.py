"""The events on Kafka: their topics and schemas."""

import base64
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

TEXTS_TOPIC = "hypermatch.texts"
PREDICTIONS_TOPIC = "hypermatch.predictions"
DEAD_LETTERS_TOPIC = "hypermatch.dead-letters"
LABEL_SPACES_TOPIC = "hypermatch.label-spaces"

MAX_EVENT_TEXT_CHARS = 1_000_000    # beyond this an event is a dead letter, not a text

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TextReceived(Event):
    """One production text on its way to the bank; unknown fields are ignored."""

    id: Name
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_EVENT_TEXT_CHARS)]
    task: Name | None = None
    source: Name | None = None
    subject: Name | None = Field(None, description="Whose text it is; `bank forget` erases by it.")
    at: AwareDatetime | None = Field(None, description="When the text was written; the time of banking if absent.")


class PredictionServed(Event):
    """One answer of a server, with the text it answered."""

    id: Name
    task: Name
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_EVENT_TEXT_CHARS)]
    label: Name
    confidence: float = Field(ge=0, le=1)
    novelty: float
    model_version: int = Field(ge=1)
    label_space: int = Field(ge=1)
    at: AwareDatetime
    source: Name | None = None
    subject: Name | None = None


class LabelSpaceChanged(Event):
    """A task answers with other labels from now on; one change is told at least once, always by the same id."""

    id: Name
    task: Name
    model_version: int = Field(ge=1, description="The version that brought the change.")
    label_space: int = Field(ge=1)
    before: int = Field(ge=1, description="The label space that answered until then; clients may pin it.")
    added: list[Name]
    removed: list[Name]
    at: AwareDatetime


class DeadLetter(Event):
    """A message that could not be read: its raw bytes, why, and where it was."""

    reason: str
    topic: str
    partition: int
    offset: int
    value: str = Field(description="The raw bytes of the message, base64.")
    at: AwareDatetime

    @classmethod
    def of(cls, value: bytes, *, reason: str, topic: str, partition: int, offset: int, at: datetime) -> "DeadLetter":
        encoded = base64.b64encode(value).decode()
        return cls(reason=reason, topic=topic, partition=partition, offset=offset, value=encoded, at=at)

    @property
    def raw(self) -> bytes:
        return base64.b64decode(self.value)
