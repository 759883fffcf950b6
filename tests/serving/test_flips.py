"""A flip: servers prepare a version unheard, and change to it at one moment, whichever of them dies or joins."""

import signal
import threading
import time
from datetime import timedelta

import pytest

from registry.database import database_time, read, write
from registry.heartbeats import beat, live
from registry.lifecycle.flipping import Act, promote_together
from registry.lifecycle.promotion import roll_back, wanted
from serving.appointments import Appointments, DatabaseClock
from tests.serving.conftest import WHO
from tests.serving.test_processes import Server, n_serving
from tests.serving.test_swaps import ask as predict
from tests.serving.test_swaps import serves, wait_until


def ask_for(installation, number, patience_seconds=300):
    with write(installation.engine) as session:
        return promote_together(session, "intents", number, **WHO, now=database_time(session),
                                patience=timedelta(seconds=patience_seconds))


def tell_of_another_server(installation, *numbers, poll_seconds=0.5):
    """Tell the registry of a server on another machine, and what it holds."""
    holds = [installation.digests[number - 1] for number in numbers]
    with write(installation.engine) as session:
        beat(session, process="server@elsewhere:1", kind="server", interval_seconds=100, now=database_time(session),
             says={"holds": {"intents": holds}, "poll_seconds": poll_seconds, "serves": {}})


def held_here(installation):
    with read(installation.engine) as session:
        servers = live(session, database_time(session), "server")
    return next((server.says["holds"].get("intents", []) for server in servers if "elsewhere" not in server.process),
                [])


def champion(installation):
    with read(installation.engine) as session:
        return wanted(session)[0]


def seconds_late(installation):
    """Return how much later than the champion's moment it is by the database's clock."""
    with read(installation.engine) as session:
        return (database_time(session) - wanted(session)[0].from_at).total_seconds()


@pytest.fixture
def client(installation, serve):
    installation.promote()
    installation.approve()
    client = serve()
    wait_until(lambda: serves(client) == 1)
    wait_until(lambda: held_here(installation) == installation.digests[:1])
    return client


def test_a_server_prepares_unheard_and_changes_at_the_moment_that_all_agreed_on(client, installation):
    tell_of_another_server(installation, 1)
    assert ask_for(installation, 2).act is Act.WAIT
    wait_until(lambda: set(held_here(installation)) == set(installation.digests))
    assert serves(client) == 1 and predict(client).json()["model_version"] == 1
    tell_of_another_server(installation, 1, 2)
    wait_until(lambda: champion(installation).version_number == 2)
    answers = []
    while (answer := predict(client).json()["model_version"]) == 1:
        assert client.get("/readyz").status_code == 200, "what waits for its moment is ready"
        answers.append((answer, seconds_late(installation)))
    assert abs(seconds_late(installation)) < 0.5 and len(answers) > 3
    assert all(late < 0.3 for _, late in answers), answers[-3:]
    wait_until(lambda: serves(client) == 2)


def test_a_flip_that_is_given_up_leaves_what_serves_and_lets_go_of_what_was_prepared(client, installation):
    tell_of_another_server(installation, 1)
    ask_for(installation, 2, patience_seconds=1)
    wait_until(lambda: installation.told("model:flip_given_up"))
    assert installation.told("model:flip_given_up")[0].startswith("time is over and server@elsewhere:1 did not prepare")
    wait_until(lambda: held_here(installation) == installation.digests[:1])
    assert predict(client).json()["model_version"] == 1


def test_a_server_that_starts_between_commit_and_flip_answers_only_from_then_on(installation, serve):
    installation.promote()
    installation.promote()
    tell_of_another_server(installation, 1, 2)
    with write(installation.engine) as session:
        roll_back(session, "intents", 1, **WHO, now=database_time(session),
                  from_at=database_time(session) + timedelta(seconds=1.5))
    client = serve()
    wait_until(lambda: serves(client) == 1)
    assert 0 <= seconds_late(installation) < 1


def test_a_roll_back_before_the_moment_cancels_it(client, installation):
    tell_of_another_server(installation, 1, 2, poll_seconds=1)
    ask_for(installation, 2)
    wait_until(lambda: champion(installation).version_number == 2)
    installation.return_to(1)
    time.sleep(2.5)                                   # the moment of v2 passes
    assert serves(client) == 1 and predict(client).json()["model_version"] == 1


def test_the_clock_follows_the_database_and_not_a_local_clock_that_is_off(installation, monkeypatch):
    clock = DatabaseClock()
    with read(installation.engine) as session:
        monkeypatch.setattr(time, "time", lambda: 0.0)
        clock.compare(session)
        moment = database_time(session) + timedelta(seconds=100)
    assert clock.seconds_until(moment) == pytest.approx(100, abs=1)
    assert clock.seconds_until(None) == 0


def test_an_appointment_is_kept_once_and_one_for_anything_else_is_canceled(installation):
    installation.promote()
    first = champion(installation)
    installation.promote()
    second, kept, made = champion(installation), [], Appointments()
    made.make(first, 0.2, lambda: kept.append(1))
    assert made.confirm(first) and not made.confirm(second) and not made.confirm(first)
    made.make(second, 0.05, lambda: kept.append(2))
    wait_until(lambda: kept)
    time.sleep(0.3)
    assert kept == [2] and not made.confirm(second)


class Watch:
    """Asks a server all the time and remembers which version answered, and when."""

    def __init__(self, server):
        self.server, self.answers, self.stop = server, [], threading.Event()
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()

    def _ask(self):
        while not self.stop.wait(0.02):
            answer = self.server.ask()                # over a new connection, which any worker may take
            if answer:
                self.answers.append((time.monotonic(), answer["model_version"]))

    def end(self):
        self.stop.set()
        self.thread.join()
        return self.answers


@pytest.fixture
def server(installation, tmp_path):
    server = Server(installation, tmp_path, WORKERS=2, POLL_SECONDS=0.5, HEARTBEAT_SECONDS=1)
    yield server
    if server.process.poll() is None:
        server.stop()


def test_real_workers_flip_together_though_one_dies_preparing_and_one_after_the_commit(installation, server):
    installation.promote()
    server.wait(lambda: n_serving(installation, 1) == 2)
    watch = Watch(server)
    try:
        number = installation.approve()
        dies = server.workers()[0]
        dies.send_signal(signal.SIGSTOP)              # it prepares for ever
        assert ask_for(installation, number).act is Act.WAIT
        time.sleep(1)
        assert champion(installation).version_number == 1
        dies.kill()                                   # the one in its place joins in the middle
        server.wait(lambda: n_serving(installation, number) == 2)

        after = installation.approve()
        tell_of_another_server(installation, 1, number, after, poll_seconds=1.5)        # time to die before the flip
        ask_for(installation, after)
        server.wait(lambda: champion(installation).version_number == after)
        server.workers()[0].kill()
        server.wait(lambda: n_serving(installation, after) == 2)
    finally:
        answers = watch.end()
    assert {version for _, version in answers} == {1, number, after}
    for version in (number, after):
        first = min(at for at, answered in answers if answered == version)
        last = max(at for at, answered in answers if answered < version)
        assert last - first < 0.5, "nobody answers with the old version long after another answered with the new one"
