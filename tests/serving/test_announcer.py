"""A changed label space is told to clients once it is promoted, by one server, and again only after a failure."""

from datetime import timedelta

import pytest

from registry import audit
from registry.database import read, write
from registry.tasks import extend_label_space
from serving.announcer import ANNOUNCED, Announcer
from serving.errors import NotPublished

GROWN = ["lost", "money", "other", "crypto"]


@pytest.fixture
def changed(installation, now):
    """A task whose second version has one more label than the first."""
    installation.promote()
    with write(installation.engine) as session:
        extend_label_space(session, "intents", ["crypto"], actor="ada", reason="new", now=now)
    installation.promote(labels=GROWN, label_space=2)
    return installation


def test_clients_hear_of_a_grown_label_space_once(changed, now):
    sent = []
    first = Announcer(changed.engine, "server@a", sent.append, lambda: now)
    assert first.work() == 1 and first.work() == 0
    event, = sent
    assert (event.task, event.model_version, event.before, event.label_space) == ("intents", 2, 1, 2)
    assert (event.added, event.removed) == (["crypto"], [])
    later = Announcer(changed.engine, "server@b", sent.append, lambda: now + timedelta(minutes=5))
    assert later.work() == 0 and len(sent) == 1       # the audit log tells a server that starts later
    with read(changed.engine) as session:
        told, = audit.entries(session, action=ANNOUNCED)
        assert told.actor == "server@a" and audit.verify_chain(session)


def test_of_two_servers_one_tells_and_the_other_leaves_it_to_it(changed, now):
    other, sent = Announcer(changed.engine, "server@b", lambda _: None, lambda: now), []

    def send(event):
        sent.append(event)
        assert other.work() == 0                      # the first is at it

    assert Announcer(changed.engine, "server@a", send, lambda: now).work() == 1 and len(sent) == 1


def test_while_no_broker_takes_it_the_change_waits_and_keeps_its_id(changed, now):
    tried = []

    def send(event):
        tried.append(event.id)
        if len(tried) == 1:
            raise NotPublished("no broker")

    announcer = Announcer(changed.engine, "server@a", send, lambda: now)
    with pytest.raises(NotPublished):
        announcer.work()
    assert announcer.work() == 1
    assert len(tried) == 2 and len(set(tried)) == 1


def test_a_first_model_changes_nothing_for_anybody(installation, now):
    installation.promote()
    assert Announcer(installation.engine, "server@a", pytest.fail, lambda: now).work() == 0
