"""Compares the bank's offsets with Kafka's, for `hypermatch doctor`."""

from typing import NamedTuple

from kafka import TopicPartition

from ingest.bank import DataBank
from ingest.connection import connect_consumer
from ingest.settings import IngestSettings


class Standing(NamedTuple):
    """Where the bank stands in a partition that holds messages `begin` up to before `end`."""

    topic: str
    partition: int
    bank_offset: int | None
    begin: int
    end: int

    @property
    def n_lost(self) -> int:
        """Messages that Kafka deleted before they were banked."""
        return max(self.begin - (self.bank_offset or 0), 0)

    @property
    def is_ahead(self) -> bool:
        """The bank is beyond the end: this is not the topic it was filled from."""
        return self.bank_offset is not None and self.bank_offset > self.end

    @property
    def lag(self) -> int:
        return max(self.end - (self.bank_offset or 0), 0)


def bank_against_kafka(bank: DataBank, settings: IngestSettings) -> list[Standing]:
    """Return one standing per partition of both topics; raises BrokerAway."""
    consumer = connect_consumer(settings, group_id=None)
    try:
        places = [TopicPartition(topic, number) for topic in settings.topics
                  for number in sorted(consumer.partitions_for_topic(topic) or ())]
        begins, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
    finally:
        consumer.close()
    return [Standing(place.topic, place.partition, bank.offset(place.topic, place.partition), begins[place],
                     ends[place]) for place in places]
