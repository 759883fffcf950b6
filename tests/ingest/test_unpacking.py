"""Messages unpacked quickly are those that the client unpacks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from ingest.unpacking import QuickRecords

PLACE = TopicPartition("t", 0)
PLAIN, GZIP = 0, 1
blobs = st.none() | st.binary(max_size=20) | st.integers(60, 20_000).map(bytes)
headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=2)
records = st.tuples(blobs, blobs, headers, st.integers(0, 2**40))
batches = st.lists(st.lists(records, min_size=1, max_size=5), max_size=4)


def content_of(batches, *, magic=2, codec=PLAIN, gap=0):
    """Return record batches as a broker sends them, with `gap` offsets missing before each record."""
    content, offset = b"", 0
    for batch in batches:
        builder = MemoryRecordsBuilder(magic, codec, 2**20, offset=offset)
        for key, value, headers, moment in batch:
            builder.skip(gap)
            builder.append(1_700_000_000_000 + moment, key, value, headers if magic == 2 else [])
        offset = builder.next_offset()
        builder.close()
        content += bytes(builder.buffer())
    return content


def plain(records):
    return [record if type(record) is tuple else (record.offset, record.value) for record in records]


def taken(kind, content, begin=0, n=3):
    records, found = kind(begin, PLACE, MemoryRecords(content)), []
    while records:
        found += plain(records.take(n))
        found += [(records.next_fetch_offset, bool(records))]
    return found


def all_of(kind, content, begin=0):
    records = kind(begin, PLACE, MemoryRecords(content))
    return plain(records.take(1_000)), records.next_fetch_offset


@settings(max_examples=150, deadline=None)
@given(batches, st.sampled_from([PLAIN, GZIP]), st.integers(0, 300), st.integers(0, 12), st.integers(1, 7))
def test_any_batches_are_unpacked_as_the_client_does(batches, codec, gap, begin, n):
    content = content_of(batches, codec=codec, gap=gap)
    assert all_of(QuickRecords, content, begin) == all_of(Fetcher.PartitionRecords, content, begin)
    assert taken(QuickRecords, content, begin, n) == taken(Fetcher.PartitionRecords, content, begin, n)


@pytest.mark.parametrize("magic", [0, 1])
def test_old_formats_are_unpacked_too(magic):
    content = content_of([[(b"k", b"v", [], 0), (None, None, [], 1)], [(None, b"w", [], 0)]], magic=magic)
    assert all_of(QuickRecords, content) == all_of(Fetcher.PartitionRecords, content)


def test_a_flipped_bit_is_noticed():
    content = bytearray(content_of([[(None, b"value", [], 0)]]))
    content[-3] ^= 1
    with pytest.raises(CorruptRecordError, match="checksum"):
        all_of(QuickRecords, bytes(content))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**31), st.integers(61, 400), st.integers(0, 255))
def test_nonsense_with_a_right_checksum_is_refused_or_read_but_never_crashes(seed, where, byte):
    content = bytearray(content_of([[(b"key", b"value" * 20, [("h", b"x")], seed)] * 3]))
    content[where % (len(content) - 61) + 61] = byte
    records = QuickRecords(0, PLACE, MemoryRecords(bytes(content)), check_crcs=False)
    try:
        records.take(10)
    except CorruptRecordError as error:
        assert "cannot be read" in str(error)


def test_markers_of_transactions_are_no_messages():
    content = bytearray(content_of([[(b"\0\0\0\1", b"\0\0\0\0\0\0", [], 0)]]))
    content[22] |= 0x20                        # the attribute of a control batch
    records = QuickRecords(0, PLACE, MemoryRecords(bytes(content)), check_crcs=False)
    assert (records.take(10), records.next_fetch_offset) == ([], 1)
