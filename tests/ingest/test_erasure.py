"""Erasing a person's texts reaches what was drawn of them."""

from datetime import UTC, datetime

from ingest.erasure import forget
from registry.database import read, write
from registry.tasks import create_task
from registry.watching.maps import keep_map, map_of
from registry.watching.tables import DiscoveryMap


def test_a_map_that_may_show_an_erased_text_goes_and_an_older_one_stays(engine, bank, rows_of, now):
    older = bank.append(rows_of(["of another"], subject="bo", now=datetime.now(UTC)), {})
    newer = bank.append(rows_of(["of ann"], begin=1, subject="ann", now=datetime.now(UTC)), {})
    point = {"x": 0.0, "y": 0.0, "text": "a text", "label": "a", "novelty": 0.5, "proposal": None}
    with write(engine) as session:
        for task, version in (("one", older), ("two", newer)):
            create_task(session, task, ["a", "b"], actor="ann", now=now)
            keep_map(session, DiscoveryMap(task=task, at=now, bank_version=version, version_number=1, n_texts=1,
                                           points=[point]))
    forget(bank, engine, "ann", actor="officer", reason="asked to", now=now)
    with read(engine) as session:
        assert map_of(session, "one") is not None and map_of(session, "two") is None
