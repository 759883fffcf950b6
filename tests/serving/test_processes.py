"""The real service: BentoML's processes on a real port, killed in the middle of things."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime

import psutil
import pytest

from infra.parts import free_port
from registry.database import read
from registry.heartbeats import live

PATIENCE_SECONDS = 60


class Server:
    """A server process with its workers, on a port of its own."""

    def __init__(self, installation, folder, **settings):
        self.port = settings.pop("PORT", None) or free_port()
        self.log, self.failures = folder / "server.log", []
        given = {"PORT": self.port, "POLL_SECONDS": 0.1, "THREADS": 1, "HEARTBEAT_SECONDS": 1, **settings}
        environment = {**os.environ, "HYPERMATCH_REGISTRY_URL": installation.url,
                       "HYPERMATCH_REGISTRY_ARTIFACTS": installation.store.root, "BENTOML_HOME": f"{folder}/bentoml",
                       **{f"HYPERMATCH_SERVING_{name}": str(value) for name, value in given.items()}}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "infra", "serve"], env=environment, stdout=log,
                                            stderr=log)

    def get(self, path, body=None):
        """Return the JSON answer, None unless it is a 200."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         None if body is None else json.dumps(body).encode(),
                                         {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                content = response.read()
        except (OSError, urllib.error.URLError) as error:
            self.failures.append(repr(error))
            return None
        return json.loads(content) if content.strip().startswith(b"{") else {}

    def metric(self, name):
        """Return the sum of a metric's series."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))

    def ask(self):
        return self.get("/v1/tasks/intents/predict", {"texts": ["card lost"]})

    def workers(self):
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "_bentoml_impl.worker.service" in command_of(child)]

    def wait(self, is_true):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_true():
            assert time.monotonic() < deadline and self.process.poll() is None, self.log.read_text()[-2_000:]
            time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(30) is not None


def command_of(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:                              # it ended meanwhile
        return ""


@pytest.fixture
def start(installation, tmp_path):
    servers = []

    def run(**settings):
        servers.append(Server(installation, tmp_path, **settings))
        return servers[-1]

    yield run
    for server in servers:
        if server.process.poll() is None:
            server.stop()


def test_a_worker_killed_in_the_middle_of_a_swap_comes_back_with_the_wanted_version(installation, start):
    installation.promote()
    server = start(WORKERS=2)
    server.wait(lambda: server.get("/readyz") is not None and len(server.workers()) == 2)
    for into_the_swap_seconds in (0.0, 0.06, 0.12):
        wanted = installation.promote()
        time.sleep(into_the_swap_seconds)
        killed = server.workers()[0]
        os.kill(killed.pid, signal.SIGKILL)
        server.wait(lambda gone=killed.pid: len(server.workers()) == 2
                    and gone not in {each.pid for each in server.workers()})

        def all_serve(wanted=wanted):
            told = [server.get("/v1/info") for _ in range(8)]
            return all(each and (each["tasks"].get("intents") or {}).get("version_number") == wanted for each in told)

        server.wait(all_serve)
        assert server.ask()["model_version"] == wanted
    server.wait(lambda: server.metric("hypermatch_serving_model_version") == wanted)     # not that of a killed worker


def test_a_killed_server_leaves_no_worker_that_holds_its_port(installation, start):
    installation.promote()
    killed = start(WORKERS=2)
    killed.wait(lambda: killed.get("/readyz") is not None and len(killed.workers()) == 2)
    workers = killed.workers()
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.process.wait()
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE_SECONDS)
    assert not alive

    after = start(WORKERS=1, PORT=killed.port)
    after.wait(lambda: after.get("/readyz") is not None)
    assert after.ask()["model_version"] == 1


def test_a_server_killed_while_its_workers_start_leaves_none_of_them(installation, start):
    killed = start(WORKERS=2)
    killed.wait(killed.workers)                       # they import for a second or more yet
    workers = killed.workers()
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.process.wait()
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE_SECONDS)
    assert not alive


def n_serving(installation, version):
    """Return how many workers told the registry that they serve `version`; a connection may meet any of them."""
    with read(installation.engine) as session:
        told = live(session, datetime.now(UTC), "server")
    return sum(each.says["serves"] == {"intents": version} for each in told)


def test_two_workers_swap_under_requests_and_no_request_fails(installation, start):
    installation.promote()
    server = start(WORKERS=2)
    server.wait(lambda: n_serving(installation, 1) == 2)
    answers, stop = [], threading.Event()

    def keep_asking():
        while not stop.is_set():
            answers.append(server.ask())

    server.failures.clear()
    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    installation.promote()
    server.wait(lambda: len(answers) > 100 and all(a and a["model_version"] == 2 for a in answers[-50:]))
    stop.set()
    for thread in threads:
        thread.join()
    assert not server.failures
    assert {answer["model_version"] for answer in answers} == {1, 2}


def test_a_second_server_of_the_same_user_leaves_the_metrics_of_the_first(installation, start):
    installation.promote()
    first = start(WORKERS=1)
    first.wait(lambda: first.ask() is not None)
    counted = first.metric("hypermatch_serving_texts_total")
    second = start(WORKERS=1)
    second.wait(lambda: second.ask() is not None)
    assert first.metric("hypermatch_serving_texts_total") == counted > 0


def test_metrics_add_up_over_workers_and_sigterm_ends_everything(installation, start):
    installation.promote()
    server = start(WORKERS=2)
    server.wait(lambda: n_serving(installation, 1) == 2 and all(server.ask() is not None for _ in range(20)))
    request = urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10)
    lines = request.read().decode().splitlines()
    counted = [line for line in lines if line.startswith("hypermatch_serving_texts_total")]
    assert sum(float(line.split()[-1]) for line in counted) >= 20
    assert "hypermatch_serving_waiting_texts 0.0" in lines               # what an autoscaler asks for
    workers = server.workers()
    server.stop()
    assert not [worker for worker in workers if worker.is_running()]
    log = server.log.read_text()
    assert "Traceback" not in log, log[-2_000:]


def test_a_broker_that_is_away_delays_no_answer(installation, start):
    installation.promote()
    server = start(BROKERS="127.0.0.1:1", MAX_UNPUBLISHED=5)
    server.wait(lambda: server.ask() is not None)
    begun = time.monotonic()
    assert all(server.ask() is not None for _ in range(50))
    assert time.monotonic() - begun < 25
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10).read().decode()
    dropped = [line for line in text.splitlines() if line.startswith("hypermatch_serving_dropped_predictions_total")]
    assert float(dropped[0].split()[-1]) > 0


def test_a_wrong_setting_is_one_line(installation, tmp_path):
    told = subprocess.run([sys.executable, "-m", "infra", "serve"], check=False, capture_output=True, text=True,
                          env={**os.environ, "HYPERMATCH_REGISTRY_URL": installation.url,
                               "HYPERMATCH_SERVING_PORT": "99999"})
    assert told.returncode == 2 and "port" in told.stderr and "Traceback" not in told.stderr
