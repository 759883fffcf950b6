"""Dead letters: sent before the offset that skips them is banked, listed, and replayed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, MessageSizeTooLargeError

from ingest.connection import LONGEST_MESSAGE, broker_away, connect_consumer, connect_producer
from ingest.settings import IngestSettings
from registry.events import DeadLetter

MAX_KEPT_BYTES = 8 * 2**20                     # base64 adds a third, and brokers cap messages
SEND_TIMEOUT_SECONDS = 30
MAX_SEEN = 50                                  # told of one commit; all of them are on their topic


@dataclass(frozen=True)
class Stored:
    """A dead letter and where it lies itself."""

    letter: DeadLetter
    partition: int
    offset: int


class DeadLetterSeen(NamedTuple):
    """What is told of a dead letter beyond Kafka: never its content, in which nothing is masked."""

    topic: str
    partition: int
    offset: int
    reason: str
    n_bytes: int
    at: datetime


def seen(letters: Sequence[DeadLetter]) -> list[DeadLetterSeen]:
    """Return what is told of the first MAX_SEEN letters."""
    return [DeadLetterSeen(letter.topic, letter.partition, letter.offset, letter.reason[:300], len(letter.raw),
                           letter.at) for letter in letters[:MAX_SEEN]]


class DeadLetterSender:
    """Sends dead letters and returns once the brokers hold them all; connects when first needed."""

    def __init__(self, settings: IngestSettings) -> None:
        self.settings = settings
        self.producer: KafkaProducer | None = None

    def send(self, letters: Sequence[DeadLetter]) -> None:
        """Keep `letters` on their topic; raises BrokerAway if that is not confirmed."""
        if not letters:
            return
        try:
            if self.producer is None:
                self.producer = connect_producer(self.settings)
            sent = [self.producer.send(self.settings.dead_letters_topic, content(letter)) for letter in letters]
            self.producer.flush(SEND_TIMEOUT_SECONDS)
            for one in sent:
                one.get(timeout=SEND_TIMEOUT_SECONDS)
        except (KafkaError, TimeoutError) as error:
            raise broker_away(self.settings) from error

    def close(self) -> None:
        if self.producer is not None:
            self.producer.close(timeout=5)


def content(letter: DeadLetter) -> bytes:
    """Return the letter as JSON; of a message too long for any topic, the beginning."""
    if len(letter.value) > MAX_KEPT_BYTES:
        letter = letter.model_copy(update={"value": letter.value[:MAX_KEPT_BYTES // 4 * 4],
                                           "reason": f"{letter.reason} (cut: {len(letter.value)} base64 characters)"})
    return letter.model_dump_json().encode()


def stored(settings: IngestSettings, limit: int | None = None) -> Iterator[Stored]:
    """Yield the dead letters on their topic, by partition and offset."""
    consumer = connect_consumer(settings, group_id=None, max_partition_fetch_bytes=LONGEST_MESSAGE)
    try:
        places = [TopicPartition(settings.dead_letters_topic, number)
                  for number in sorted(consumer.partitions_for_topic(settings.dead_letters_topic) or ())]
        if places:
            yield from read_to_the_end(consumer, places, limit)
    finally:
        consumer.close()


def read_to_the_end(consumer, places: list[TopicPartition], limit: int | None) -> Iterator[Stored]:
    ends = consumer.end_offsets(places)
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    n = 0
    while any(consumer.position(place) < ends[place] for place in places):
        for place, records in consumer.poll(timeout_ms=500).items():
            for record in records:
                if limit is not None and n >= limit:
                    return
                n += 1
                yield Stored(DeadLetter.model_validate_json(record.value), place.partition, record.offset)


def replay(settings: IngestSettings, letters: Sequence[Stored]) -> int:
    """Publish the raw bytes again to the topics they came from; return how many."""
    producer = connect_producer(settings)
    try:
        for one in letters:
            producer.send(one.letter.topic, one.letter.raw).get(timeout=SEND_TIMEOUT_SECONDS)
    except MessageSizeTooLargeError:
        raise
    except (KafkaError, TimeoutError) as error:
        raise broker_away(settings) from error
    finally:
        producer.close(timeout=5)
    return len(letters)
