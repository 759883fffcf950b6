"""Unpacks Kafka's record batches into offsets and values alone, several times faster than the client does."""

from collections.abc import Callable, Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.util import decode_varint

NO_KEY = 1                                     # the varint of a key's length -1

Message = tuple[int, bytes | None]             # offset and value
Note = Callable[[tuple[str, int], Any], None]


def unpack_quickly(consumer: KafkaConsumer, note: Note | None = None) -> KafkaConsumer:
    """Have `consumer.poll` return messages in place of records; it is not to be iterated over.

    `note`, if given, sees each record batch whole, with the headers that messages lack.
    This reaches into the client, whose version is therefore bounded: creating a full
    record in Python takes more time than all that banking does with it.
    """
    told = {"note": None if note is None else staticmethod(note)}
    consumer._fetcher.PartitionRecords = type("Records", (QuickRecords,), told)
    return consumer


class QuickRecords(Fetcher.PartitionRecords):
    """The records of one fetch, read uncommitted; checked, skipped and counted as the client does."""

    note: Note | None = None

    def _maybe_skip_record(self, message: Message) -> bool:
        return message[0] < self.fetch_offset  # a compressed batch comes whole, even if asked for from its middle

    def _unpack_records(self, tp: Any, records: Any, *_: Any) -> Iterator[Message]:
        while (batch := records.next_batch()) is not None:
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(f"a record batch of {tp} failed its checksum")
            if self.note is not None:
                self.note((tp.topic, tp.partition), batch)
            for message in messages(batch):
                self.next_fetch_offset = message[0] + 1
                yield message
            if batch.magic >= 2:
                self.leader_epoch = batch.leader_epoch
                self.next_fetch_offset = batch.next_offset     # compaction may have removed the last record
        self.drain()


def messages(batch: Any) -> list[Message]:
    if batch.magic < 2:
        return [(record.offset, record.value) for record in batch]
    if batch.is_control_batch:                 # a marker of a transaction is no message
        return []
    batch._maybe_uncompress()
    try:
        return unpacked(bytes(batch._buffer), batch._pos, batch.records_count, batch.base_offset)
    except (IndexError, ValueError) as error:
        raise CorruptRecordError(f"the record batch at offset {batch.base_offset} cannot be read: {error}") from error


def unpacked(content: bytes, pos: int, n: int, base_offset: int) -> list[Message]:
    """Return `n` messages in format 2 that begin at `pos` and fill `content`; only what is wanted is decoded.

    Record => length, attributes, timestamp delta, offset delta, key, value, headers; all numbers but the attributes
    are varints.
    """
    found = []
    for _ in range(n):
        length, pos = varint(content, pos)
        end, pos = pos + length, pos + 1
        while content[pos] > 0x7F:             # the timestamp
            pos += 1
        delta, pos = varint(content, pos + 1)
        if content[pos] == NO_KEY:             # spares most records a call
            pos += 1
        else:
            key_length, pos = varint(content, pos)
            pos += max(key_length, 0)
        value_length, pos = varint(content, pos)
        if pos + value_length > end:
            raise ValueError("a value reaches beyond its record")
        found.append((base_offset + delta, content[pos:pos + value_length] if value_length >= 0 else None))
        pos = end
    if pos != len(content):
        raise ValueError("the records do not fill their batch")
    return found


def varint(content: bytes, pos: int) -> tuple[int, int]:
    """Return a zigzag varint and where it ends; one or two bytes nearly always."""
    first = content[pos]
    if first < 0x80:
        return (first >> 1) ^ -(first & 1), pos + 1
    second = content[pos + 1]
    if second < 0x80:
        return ((first & 0x7F | second << 7) >> 1) ^ -(first & 1), pos + 2
    found: tuple[int, int] = decode_varint(content, pos)
    return found
