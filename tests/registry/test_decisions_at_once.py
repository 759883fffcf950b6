"""Two people promote in the same instant on PostgreSQL, where transactions overlap: one is told, nothing is undone."""

import threading
import time

import pytest

from registry.database import read, write
from registry.errors import Stale
from registry.lifecycle.promotion import approve, promote
from registry.lifecycle.versions import champion_of, get_version
from registry.tables import Stage
from registry.tasks import create_task
from tests.registry.test_lifecycle import WHO, awaiting, champion

OVERLAP_SECONDS = 0.5                                 # that the first transaction stays open once the second began
pytestmark = pytest.mark.parametrize("any_engine", ["postgresql"], indirect=True)


@pytest.fixture
def engine(any_engine, now):
    with write(any_engine) as session:
        create_task(session, "intents", ["a", "b"], actor="ada", now=now)
    return any_engine


@pytest.mark.parametrize("has_champion", [False, True])
def test_of_two_versions_promoted_in_one_instant_one_is_the_champion(engine, now, has_champion):
    with write(engine) as session:
        before = [champion(session, now)] if has_champion else []
        numbers = [awaiting(session, now, digest * 64).number for digest in "ef"]
        for number in numbers:
            approve(session, "intents", number, **WHO, now=now)
    refused = []

    def promote_too():
        try:
            with write(engine) as session:
                promote(session, "intents", numbers[1], **WHO, now=now)
        except Stale as error:
            refused.append(error)

    late = threading.Thread(target=promote_too)
    with write(engine) as session:
        promote(session, "intents", numbers[0], **WHO, now=now)
        late.start()
        time.sleep(OVERLAP_SECONDS)
    late.join()
    with read(engine) as session:
        assert champion_of(session, "intents").number == numbers[0]
        assert get_version(session, "intents", numbers[1]).stage is Stage.APPROVED
        assert [get_version(session, "intents", each.number).stage for each in before] == [Stage.ARCHIVED] * len(before)
    assert len(refused) == 1
