"""The bank: one commit for rows and offsets, stale writers, time travel, forgetting, upkeep, a full disk."""

import os
import random
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.bank import DataBank
from ingest.bank.upkeep import Retained
from ingest.errors import BankError, DiskFull, StaleWriter
from tests.conftest import NOW


def test_an_empty_bank_answers_every_question(bank):
    assert bank.version is None
    assert bank.offsets() == {}
    assert bank.texts("t").num_rows == 0
    assert bank.n_texts("t") == 0
    assert bank.stats()["rows"] == 0


def test_rows_and_offsets_enter_in_one_commit(bank, rows_of):
    bank.append(rows_of(["a", "b"]), {("t", 0): 2, ("t", 3): 7})
    assert bank.offsets() == {("t", 0): 2, ("t", 3): 7}
    assert (bank.offset("t", 0), bank.offset("t", 9)) == (2, None)
    assert bank.stats()["rows"] == 2


def test_offsets_move_on_even_where_no_row_is_left(bank, rows_of):
    bank.append(rows_of([]), {("t", 0): 5})
    assert bank.offsets() == {("t", 0): 5}


def test_offsets_outlive_checkpoints_of_the_log(bank, rows_of):
    for number in range(105):
        bank.append(rows_of([f"text {number}"], begin=number), {("t", number % 2): number + 1})
    assert bank.offsets() == {("t", 0): 105, ("t", 1): 104}
    assert bank.offsets(bank.version - 2) == {("t", 0): 103, ("t", 1): 102}, "and a version tells up to where it read"


def test_a_writer_that_believes_old_offsets_is_refused(bank, rows_of):
    bank.append(rows_of(["a"]), {("t", 0): 1}, {("t", 0): None})
    with pytest.raises(StaleWriter, match="up to offset 1"):
        bank.append(rows_of(["a"]), {("t", 0): 1}, {("t", 0): None})
    with pytest.raises(StaleWriter):
        bank.append(rows_of(["a"]), {("t", 0): 1})
    assert bank.stats()["rows"] == 1


def test_of_many_writers_that_hold_the_same_messages_exactly_one_banks_them(bank, rows_of):
    bank.append(rows_of([]), {("other", 0): 1})
    outcomes = []

    def write(name: int) -> None:
        try:
            outcomes.append(DataBank(bank.url).append(rows_of(["same"]), {("t", 0): 1}, {("t", 0): None}))
        except StaleWriter as error:
            outcomes.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(outcome, StaleWriter) for outcome in outcomes) == 5
    assert bank.stats()["rows"] == 1


def test_writers_of_different_partitions_do_not_hinder_each_other(bank, rows_of):
    def write(partition: int) -> None:
        believed = None
        for number in range(5):
            rows = rows_of([f"{partition} {number}"], begin=number, partition=partition)
            DataBank(bank.url).append(rows, {("t", partition): number + 1}, {("t", partition): believed})
            believed = number + 1

    threads = [threading.Thread(target=write, args=(partition,)) for partition in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bank.offsets() == {("t", partition): 5 for partition in range(4)}
    assert bank.stats()["rows"] == 20


def test_texts_are_distinct_and_of_the_task_or_of_none(bank, rows_of, now):
    bank.append(rows_of(["hello", "bye"], task="a"), {("t", 0): 2})
    bank.append(rows_of(["hello"], source="other", now=now + timedelta(days=1)), {("t", 0): 3})
    bank.append(rows_of(["elsewhere"], task="b"), {("t", 0): 4})
    assert bank.texts("a")["text"].to_pylist() == ["hello", "bye"]      # newest first, once
    assert bank.texts("a", limit=1)["text"].to_pylist() == ["hello"]
    assert bank.texts("a").column_names == ["text", "text_hash", "source", "at"]
    assert bank.texts(None).num_rows == 3


def test_an_older_version_stays_readable(bank, rows_of, now):
    version = bank.append(rows_of(["a"]), {("t", 0): 1})
    bank.append(rows_of(["b"], begin=1, now=now + timedelta(seconds=1)), {("t", 0): 2})
    assert bank.texts(None, version=version)["text"].to_pylist() == ["a"]
    assert bank.n_texts(None) == 2
    assert bank.n_texts(None, since_version=version) == 1
    with pytest.raises(BankError, match="version 99"):
        bank.texts(None, version=99)


@pytest.mark.parametrize("rewrite", [DataBank.compact, lambda bank: bank.forget("s3")])
def test_a_file_that_a_deletion_rewrote_is_counted_read_and_erased_from_like_any_other(rewrite, bank, rows_of):
    rows = [rows_of(["a", "b"], task="x", subject="s1"), rows_of(["c"], task="y", subject="s2", begin=2),
            rows_of(["a", "d"], task="z", subject="s3", begin=3)]
    bank.append(pa.concat_tables(rows), {})
    bank.append(rows_of(["a"], task="x", begin=5, now=NOW + timedelta(days=1)), {})
    rewrite(bank)
    n_rows = [sum(bank.read_file(file.path, "x", ["text"]).num_rows for file in bank.files()), bank.n_texts("x")]
    assert n_rows == [3, 3] and bank.n_texts("y") == 1
    assert bank.forget("s1").n_rows == 2 and bank.n_texts("x") == 1


def test_forgetting_erases_the_bytes_everywhere(bank, rows_of):
    secret = "zanzibar-secret-of-subject"
    first = bank.append(rows_of([f"{secret} {number}" for number in range(3)], subject="s'1"), {("t", 0): 3})
    bank.append(rows_of(["stays"], begin=3, subject="s2"), {("t", 0): 4})
    bank.compact()                                                        # the secret is in old files, too
    done = bank.forget("s'1")
    assert (done.n_rows, done.first_version) == (3, pytest.approx(first, abs=1))
    assert done.first_version <= first
    assert bank.rows()["text"].to_pylist() == ["stays"]
    assert bank.offsets() == {("t", 0): 4}
    for file in Path(bank.url).rglob("*"):
        if file.suffix == ".parquet" and "_delta_log" not in file.parts:
            assert secret not in str(pq.read_table(file).to_pylist())
        elif file.is_file():
            assert secret.encode() not in file.read_bytes()


def test_forgetting_somebody_unknown_changes_nothing(bank, rows_of):
    bank.append(rows_of(["a"]), {("t", 0): 1})
    assert bank.forget("nobody").n_rows == 0
    assert bank.stats()["rows"] == 1


def test_compaction_keeps_the_first_of_duplicates_that_two_writers_let_in(bank, rows_of):
    bank.append(rows_of(["same", "one"]), {("t", 0): 2})
    bank.append(rows_of(["same", "two"], partition=1), {("t", 1): 2})
    bank.append(rows_of(["same"], begin=5, source="elsewhere"), {("t", 0): 6})
    done = bank.compact()
    assert (done.n_duplicates, done.n_files_after) == (1, 1)
    assert sorted(bank.rows()["text"].to_pylist()) == ["one", "same", "same", "two"]
    assert bank.offsets() == {("t", 0): 6, ("t", 1): 2}


@contextmanager
def a_writer_that_never_pauses(bank, rows_of, now):
    """Append to a partition of its own all the while; yield the numbers of what was appended."""
    stop, appended = threading.Event(), []

    def keep_appending() -> None:
        writer = DataBank(bank.url)
        while not stop.is_set():
            number = len(appended)
            writer.append(rows_of([f"text {number}"], now=now + timedelta(seconds=number), begin=number, partition=2),
                          {("t", 2): number + 1})
            appended.append(number)

    thread = threading.Thread(target=keep_appending)
    thread.start()
    try:
        while not appended:
            time.sleep(0.01)
        yield appended
    finally:
        stop.set()
        thread.join()


def test_compaction_of_many_days_goes_on_beside_a_writer_that_never_pauses(bank, rows_of):
    """Days are merged one by one, and neither a merge nor a deletion is done again because something was appended."""
    days = [NOW + timedelta(days=number) for number in range(3)]
    texts = ["it's", 'a "quoted"', *(f"plain {number}" for number in range(40))]
    for number, day in enumerate(days):
        begin, end = 100 * number, 100 * number + len(texts)
        bank.append(rows_of(texts, now=day, begin=begin), {("t", 0): end})
        bank.append(rows_of([*texts, "other"], now=day, begin=begin, partition=1), {("t", 1): end + 1})
    with a_writer_that_never_pauses(bank, rows_of, days[-1] + timedelta(minutes=1)) as appended:
        done = bank.compact()
    assert done.n_duplicates == len(texts) * len(days)
    rows = bank.rows().to_pylist()
    assert len(rows) == (len(texts) + 1) * len(days) + len(appended)
    assert {row["text"] for row in rows if row["partition"] == 1} == {"other"}, "of duplicates the first stays"
    assert bank.offsets() == {("t", 0): 242, ("t", 1): 243, ("t", 2): len(appended)}


def test_forgetting_goes_on_beside_a_writer_that_never_pauses(bank, rows_of):
    bank.append(rows_of(["secret", "hidden"], subject="s"), {("t", 0): 2})
    bank.append(rows_of(["public"], begin=2), {("t", 0): 3})
    with a_writer_that_never_pauses(bank, rows_of, NOW + timedelta(minutes=1)) as appended:
        assert bank.forget("s").n_rows == 2
    assert bank.stats()["rows"] == 1 + len(appended)


def test_compaction_leaves_a_day_alone_that_is_one_file(bank, rows_of):
    bank.append(rows_of(["a"]), {("t", 0): 1})
    bank.append(rows_of(["b"], begin=1, now=NOW + timedelta(days=1)), {("t", 0): 2})
    bank.append(rows_of(["c"], begin=2, now=NOW + timedelta(days=1)), {("t", 0): 3})
    told = []
    version = bank.version
    assert bank.compact(lambda *day: told.append(day)).n_files_after == 2
    assert told == [((NOW + timedelta(days=1)).date(), 0, 1)] and bank.version == version + 1
    assert bank.compact().n_files_before == 2 and bank.version == version + 1


def test_the_newest_texts_are_those_that_reading_everything_finds(bank, rows_of):
    draw = random.Random(7)
    for number in range(12):
        texts = [f"text {draw.randrange(400)}" for _ in range(60)]
        rows = rows_of(list(dict.fromkeys(texts)), begin=100 * number, task=draw.choice([None, "a", "b"]))
        moments = [NOW + timedelta(seconds=draw.randrange(3_600)) for _ in range(len(rows))]
        moments[0] = draw.choice([moments[0], datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
        bank.append(rows.set_column(rows.column_names.index("at"), "at", pa.array(moments, rows["at"].type)),
                    {("t", 0): 100 * number + 60})
    for _ in range(2):
        for task in (None, "a", "b"):
            everything = bank.texts(task)
            for limit in (0, 1, 7, 40, 300, 5_000):
                assert bank.texts(task, limit=limit).equals(everything[:limit]), (task, limit)
        bank.compact()


def test_old_days_are_let_go_whole_and_vacuum_deletes_them(bank, rows_of):
    bank.append(rows_of(["old", "older"]), {("t", 0): 2})
    version = bank.append(rows_of(["young"], begin=2, now=NOW + timedelta(days=2)), {("t", 0): 3})
    assert bank.retain(NOW.date()) == Retained(0, 0, NOW.date()) and bank.version == version
    assert bank.retain((NOW + timedelta(days=2)).date()) == Retained(2, 1, (NOW + timedelta(days=2)).date())
    assert bank.rows()["text"].to_pylist() == ["young"] and bank.offsets() == {("t", 0): 3}
    assert bank.texts(None, version=version).num_rows == 3
    assert bank.vacuum(timedelta(0)) == 1
    assert len(list(Path(bank.url).rglob("day=*/*.parquet"))) == 1


def test_vacuum_keeps_young_versions_readable_and_then_does_not(bank, rows_of):
    version = bank.append(rows_of(["a"]), {("t", 0): 1})
    bank.append(rows_of(["b"], begin=1), {("t", 0): 2})
    bank.compact()
    assert bank.vacuum(timedelta(days=7)) == 0
    assert bank.texts(None, version=version).num_rows == 1
    assert bank.vacuum(timedelta(0)) == 2
    assert bank.texts(None).num_rows == 2


def test_vacuum_spares_files_of_a_commit_under_way(bank, rows_of):
    bank.append(rows_of(["a"]), {("t", 0): 1})
    under_way = next(Path(bank.url).glob("day=*")) / "part-00001-under-way.parquet"
    under_way.write_bytes(b"being written")
    bank.vacuum(timedelta(0))
    bank.forget("anybody")
    assert under_way.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="run as root to mount a small disk")
def test_a_full_disk_is_a_clear_error_and_shows_nothing_by_halves(tmp_path, rows_of):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=False,
                      capture_output=True).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        bank = DataBank(str(disk / "bank"))
        bank.append(rows_of(["fits"]), {("t", 0): 1})
        with pytest.raises(DiskFull, match="no space left"):
            bank.append(rows_of([os.urandom(600).hex() for _ in range(2_000)], begin=1), {("t", 0): 2_001})
        assert bank.rows()["text"].to_pylist() == ["fits"]
        assert bank.offsets() == {("t", 0): 1}
        bank.vacuum(timedelta(0))
    finally:
        subprocess.run(["umount", disk], check=True)
