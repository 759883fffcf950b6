"""The bank on S3 keeps the promises it keeps on a disk: one commit, stale writers refused, reading goes on."""

import json
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from deltalake.exceptions import CommitFailedError

from ingest.bank import DataBank, writer
from ingest.bank.tables import open_table
from ingest.errors import BankError, StaleWriter
from tests.ingest.conftest import within
from tests.servers import s3


@pytest.fixture(scope="module")
def s3_address() -> Iterator[str]:
    with s3.running() as address:
        yield address


@pytest.fixture
def bank(s3_address: str) -> DataBank:
    bucket = f"bucket-{uuid.uuid4().hex[:8]}"
    s3.make_bucket(s3_address, bucket)
    return DataBank(f"s3://{bucket}/bank", s3.options(s3_address))


def reopened(bank):
    return DataBank(bank.url, bank.options)


def test_rows_and_offsets_are_there_for_whoever_opens_the_bank_next(bank, rows_of):
    bank.append(rows_of(["a", "b"]), {("t", 0): 2, ("t", 3): 7}, {("t", 0): None, ("t", 3): None})
    other = reopened(bank)
    other.append(rows_of(["c"], begin=2), {("t", 0): 3}, {("t", 0): 2})
    assert reopened(bank).offsets() == {("t", 0): 3, ("t", 3): 7}
    assert sorted(reopened(bank).rows()["text"].to_pylist()) == ["a", "b", "c"]
    with pytest.raises(StaleWriter, match="up to offset 3"):
        bank.append(rows_of(["c"], begin=2), {("t", 0): 3}, {("t", 0): 2})


def test_a_commit_from_an_old_snapshot_overwrites_nothing(bank, rows_of):
    bank.append(rows_of(["a"]), {("t", 0): 1})
    old = open_table(bank.url, bank.options)
    bank.append(rows_of(["b"], begin=1), {("t", 0): 2})
    with pytest.raises(CommitFailedError):
        writer.commit(old, bank.url, rows_of(["b"], begin=1), {("t", 0): 2})
    assert sorted(reopened(bank).rows()["text"].to_pylist()) == ["a", "b"]
    assert reopened(bank).offsets() == {("t", 0): 2}


def test_of_many_writers_that_hold_the_same_messages_exactly_one_banks_them(bank, rows_of):
    bank.append(rows_of([]), {("other", 0): 1})
    outcomes = []

    def write() -> None:
        try:
            outcomes.append(reopened(bank).append(rows_of(["same"]), {("t", 0): 1}, {("t", 0): None}))
        except StaleWriter as error:
            outcomes.append(error)

    at_once([write] * 6)
    assert sum(isinstance(outcome, StaleWriter) for outcome in outcomes) == 5
    assert reopened(bank).rows()["text"].to_pylist() == ["same"]


def test_writers_of_different_partitions_lose_no_commit_to_each_other(bank, rows_of):
    def write(partition: int) -> None:
        mine, believed = reopened(bank), None
        for number in range(4):
            rows = rows_of([f"{partition} {number}"], begin=number, partition=partition)
            mine.append(rows, {("t", partition): number + 1}, {("t", partition): believed})
            believed = number + 1

    at_once([lambda partition=partition: write(partition) for partition in range(3)])
    assert reopened(bank).offsets() == {("t", partition): 4 for partition in range(3)}
    assert len(set(reopened(bank).rows()["text"].to_pylist())) == 12


def test_upkeep_works_there_too(bank, rows_of):
    bank.append(rows_of(["mine"], subject="s1"), {("t", 0): 1})
    bank.append(rows_of(["stays"], begin=1), {("t", 0): 2})
    assert bank.compact().n_files_after == 1
    assert bank.forget("s1").n_rows == 1
    assert bank.vacuum(timedelta(0)) >= 0
    assert reopened(bank).rows()["text"].to_pylist() == ["stays"]
    assert reopened(bank).offsets() == {("t", 0): 2}


def test_a_bucket_that_is_not_there_is_one_clear_line(s3_address):
    with pytest.raises(BankError, match="s3://nowhere-to-be-found/bank") as refused:
        DataBank("s3://nowhere-to-be-found/bank", s3.options(s3_address)).append(None, {("t", 0): 1})
    assert len(str(refused.value).splitlines()) == 1
    assert "NoSuchBucket" in str(refused.value)


def test_a_killed_ingest_reads_on_from_the_offsets_on_s3(embedded_broker, deploy, bank):
    deployment = deploy({**embedded_broker.environment, "HYPERMATCH_INGEST_BANK": bank.url,
                         "HYPERMATCH_INGEST_BANK_OPTIONS": json.dumps(bank.options)})
    deployment.send({"id": str(number), "text": f"text {number}"} for number in range(60))
    process = deployment.start()
    with within(60) as wait_for:
        wait_for(lambda: bank.stats()["rows"] == 60)
    deployment.kill(process)
    deployment.send({"id": str(number), "text": f"text {number}"} for number in range(60, 100))
    process = deployment.start(HYPERMATCH_INGEST_GROUP="another")     # a group that Kafka knows nothing of
    with within(60) as wait_for:
        wait_for(lambda: bank.stats()["rows"] == 100)
    assert deployment.stop(process) == 0
    assert sorted(int(row["id"]) for row in bank.rows().to_pylist()) == list(range(100))


def at_once(writes) -> None:
    threads = [threading.Thread(target=write) for write in writes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
