"""Reads events out of raw messages: fast where they are plain, by the contract's own schema where not."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from pydantic import ValidationError

from ingest.raw import RawBatch
from ingest.schema import INT32_MAX
from registry.events import MAX_EVENT_TEXT_CHARS, DeadLetter, Event, PredictionServed, TextReceived

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_TEXT_CHARS)]
Moment = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=1, le=INT32_MAX)]


class FastText(Struct, gc=False):
    """Messages that this reads are those that TextReceived reads to the same values; it may refuse more."""

    id: Name
    text: Text
    task: Name | None = None
    source: Name | None = None
    subject: Name | None = None
    at: Moment | None = None


class FastPrediction(Struct, gc=False):
    """Messages that this reads are those that PredictionServed reads to the same values; it may refuse more."""

    id: Name
    task: Name
    text: Text
    label: Name
    confidence: Annotated[float, Meta(ge=0, le=1)]
    novelty: float
    model_version: Count
    label_space: Count
    at: Moment
    source: Name | None = None
    subject: Name | None = None


@dataclass(frozen=True)
class Schema:
    """One kind of event: its fast reader and the contract that decides in doubt."""

    kind: str
    fast: type[Struct]
    contract: type[Event]
    decoder: msgspec.json.Decoder[Any]

    @property
    def names(self) -> tuple[str, ...]:
        return self.fast.__struct_fields__


TEXTS = Schema("text", FastText, TextReceived, msgspec.json.Decoder(FastText))
PREDICTIONS = Schema("prediction", FastPrediction, PredictionServed, msgspec.json.Decoder(FastPrediction))


@dataclass
class Decoded:
    """Events with their offsets, and the messages that are none."""

    events: list[Any] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


def decode(batch: RawBatch, schema: Schema, now: datetime) -> Decoded:
    """Read every message of `batch`, or say precisely why it cannot be read."""
    events = decode_lines(batch, schema)
    if events is not None:
        return Decoded(events, batch.offsets.tolist(), [])
    found = Decoded()
    for value, offset in zip(batch.values(), batch.offsets.tolist(), strict=True):
        try:
            found.events.append(decode_one(value, schema))
            found.offsets.append(offset)
        except UnreadableMessage as error:
            found.dead.append(DeadLetter.of(value, reason=str(error), topic=batch.topic, partition=batch.partition,
                                            offset=offset, at=now))
    return found


def decode_lines(batch: RawBatch, schema: Schema) -> list[Any] | None:
    """Read a whole batch in one call; None unless every message is one plain line."""
    if not batch.is_one_message_per_line() or not is_utf8(batch.joined):
        return None
    try:
        events = schema.decoder.decode_lines(batch.joined)
    except (msgspec.DecodeError, RecursionError):
        return None
    return events if len(events) == len(batch) else None


class UnreadableMessage(Exception):
    """Why a message is not an event; never leaves this module."""


def decode_one(value: bytes, schema: Schema) -> Any:
    """Read one message; the contract has the last word on what the fast reader refuses."""
    if is_utf8(value):
        try:
            return schema.decoder.decode(value)
        except (msgspec.DecodeError, RecursionError):
            pass
    return decode_by_contract(value, schema)


def decode_by_contract(value: bytes, schema: Schema) -> Any:
    try:
        event = schema.contract.model_validate_json(value)
    except ValidationError as error:
        raise UnreadableMessage(reason(error)) from error
    for name in ("model_version", "label_space"):
        if getattr(event, name, 0) > INT32_MAX:
            raise UnreadableMessage(f"{name}: greater than {INT32_MAX}")
    return event


def reason(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def is_utf8(value: bytes) -> bool:
    if value.isascii():
        return True
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
