"""Files are banked by the rules of messages, and twice is once."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.erasure import forget
from ingest.errors import UnreadableFile
from ingest.files import Origin, bank_file
from ingest.settings import IngestSettings
from registry.audit import entries
from registry.database import read, write
from registry.labels import import_labels, labeled_texts
from registry.lifecycle.versions import register_candidate
from registry.tables import Part
from registry.tasks import create_task

ORIGIN = Origin("text", "intent", "history")
ROWS = [{"text": "hello"}, {"text": "call 010-1234-5678"}, {"text": "hello"}, {"text": ""}, {"text": "안녕"}]


def write_file(folder, kind):
    file = folder / f"texts.{kind}"
    if kind == "csv":
        file.write_text("text\n" + "\n".join(f'"{row["text"]}"' for row in ROWS) + "\n")
    elif kind == "jsonl":
        file.write_text("\n".join(json.dumps(row) for row in ROWS))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), file)
    return file


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_is_masked_deduplicated_and_banked_once(bank, tmp_path, now, kind):
    file = write_file(tmp_path, kind)
    done = bank_file(bank, file, ORIGIN, IngestSettings(), lambda: now)
    assert (done.n_banked, done.n_duplicates, done.n_masked, done.n_unreadable) == (3, 1, 1, 1)
    again = bank_file(bank, file, ORIGIN, IngestSettings(), lambda: now)
    assert (again.n_banked, again.n_before) == (0, 5)
    assert sorted(bank.texts("intent")["text"].to_pylist()) == ["call [PHONE]", "hello", "안녕"]
    assert set(bank.rows()["source"].to_pylist()) == {"history"}


def test_a_run_that_ended_early_is_taken_up_where_it_ended(bank, tmp_path, now, monkeypatch):
    monkeypatch.setattr("ingest.files.BLOCK_ROWS", 10)
    file = tmp_path / "texts.jsonl"
    file.write_text("\n".join([json.dumps({"text": f"text {number}"}) for number in range(25)]))
    times = iter([now])
    with pytest.raises(StopIteration):
        bank_file(bank, file, ORIGIN, IngestSettings(), lambda: next(times))
    assert bank.stats()["rows"] == 10
    done = bank_file(bank, file, ORIGIN, IngestSettings(), lambda: now)
    assert (done.n_before, done.n_banked) == (10, 15)


def test_a_file_of_another_kind_is_refused_by_name(bank, tmp_path, now):
    file = tmp_path / "texts.xlsx"
    file.write_bytes(b"PK")
    with pytest.raises(UnreadableFile, match=r"texts\.xlsx"):
        bank_file(bank, file, ORIGIN, IngestSettings(), lambda: now)


def test_a_broken_parquet_file_is_refused_by_name(bank, tmp_path, now):
    file = tmp_path / "texts.parquet"
    file.write_bytes(b"no parquet at all")
    with pytest.raises(UnreadableFile, match=r"texts\.parquet"):
        bank_file(bank, file, ORIGIN, IngestSettings(), lambda: now)


def test_forgetting_is_audited_with_the_model_versions_trained_on_the_rows(bank, tmp_path, engine, now):
    file = tmp_path / "texts.jsonl"
    file.write_text(json.dumps({"text": "remember me", "subject": "u1"}))
    bank_file(bank, file, ORIGIN, IngestSettings(), lambda: now)
    with write(engine) as session:
        create_task(session, "intent", ["a", "b"], actor="kim", now=now)
        import_labels(session, "intent", [("remember me", "a")], part=Part.TRAIN, actor="kim", origin="review", now=now)
        register_candidate(session, "intent", digest="d" * 64, label_space=1, run_id=None, requested_by="kim",
                           recipe={}, bank_version=bank.version, code_revision="r", n_labels=1, now=now)
    done = forget(bank, engine, "u1", actor="kim", reason="asked by mail", now=now)
    assert (done.n_rows, done.model_versions, done.reached.n_labels) == (1, ["intent v1"], 1)
    assert bank.stats()["rows"] == 0
    with read(engine) as session:
        assert labeled_texts(session, "intent", Part.TRAIN) == []
        entry = next(iter(entries(session, action="bank:forgotten")))
    assert entry.subject == "subject:u1"
    assert entry.details["model_versions"] == ["intent v1"] and entry.details["reached"]["n_labels"] == 1
