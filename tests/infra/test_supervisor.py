"""The supervisor restarts what dies, with patience, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from infra import supervisor
from infra.supervisor import Part, Supervisor


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_SECONDS", 0.2)
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 2.0)


def sleeper(seconds=60):
    return Part("sleeper", (sys.executable, "-c", f"import time; time.sleep({seconds})"))


def tend_until(running, is_true, patience_seconds=20):
    deadline = time.monotonic() + patience_seconds
    while not is_true():
        assert time.monotonic() < deadline
        running.tend()
        time.sleep(0.05)


def test_a_killed_process_is_started_again(tmp_path):
    said = []
    with Supervisor([sleeper()], tmp_path, said.append) as running:
        first = running.running[0].process.pid
        os.kill(first, signal.SIGKILL)
        tend_until(running, lambda: running.running[0].process.pid != first)
        assert "sleeper ended with code -9" in said[0]
    assert not psutil.pid_exists(running.running[0].process.pid)


def test_a_process_that_fails_at_once_is_retried_with_growing_patience_and_its_last_words_are_shown(tmp_path):
    said = []
    part = Part("broken", (sys.executable, "-c", "import sys; sys.exit('no such broker')"))
    with Supervisor([part], tmp_path, said.append) as running:
        tend_until(running, lambda: running.running[0].n_restarts >= 2)
        assert running.running[0].backoff_seconds >= 0.8
    assert "no such broker" in said[0]


def test_children_of_a_part_that_ignores_sigterm_are_gone_too(tmp_path):
    script = ("import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
              "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
              "print(child.pid, flush=True); time.sleep(60)")
    with Supervisor([Part("stubborn", (sys.executable, "-c", script))], tmp_path, print) as running:
        tend_until(running, lambda: (tmp_path / "stubborn.log").read_text().strip().isdigit())
        child = int((tmp_path / "stubborn.log").read_text())
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_parts_stop_in_reverse_order(tmp_path):
    script = ("import signal, sys, time, pathlib\n"
              "def bye(*_):\n  open(sys.argv[2], 'a').write(sys.argv[1]); sys.exit(0)\n"
              "signal.signal(signal.SIGTERM, bye)\nprint('up', flush=True)\ntime.sleep(60)")
    parts = [Part(name, (sys.executable, "-c", script, name, str(tmp_path / "order"))) for name in "abc"]
    with Supervisor(parts, tmp_path, print) as running:
        tend_until(running, lambda: all("up" in (tmp_path / f"{name}.log").read_text() for name in "abc"))
    assert (tmp_path / "order").read_text() == "cba"


SUPERVISED = """
import sys, time
from pathlib import Path
from infra import supervisor
from infra.supervisor import Part, Supervisor
supervisor.GRACE_SECONDS = 1.0
polite = "import time; print('up', flush=True); time.sleep(60)"
stubborn = ("import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print('up', flush=True);"
            "time.sleep(60)")
parts = [Part(name, (sys.executable, "-c", script)) for name, script in (("polite", polite), ("stubborn", stubborn))]
with Supervisor(parts, Path(sys.argv[1]), print) as running:
    while True:
        running.tend()
        time.sleep(0.05)
"""


def descendants(pid):
    return psutil.Process(pid).children(recursive=True)


def wait_until_gone(processes, patience_seconds):
    deadline = time.monotonic() + patience_seconds
    while alive := [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.1)


def test_a_supervisor_that_is_killed_leaves_nothing_running(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", SUPERVISED, str(tmp_path)])
    logs = [tmp_path / "polite.log", tmp_path / "stubborn.log"]
    deadline = time.monotonic() + 20
    while not all(log.exists() and "up" in log.read_text() for log in logs):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    left = descendants(killed.pid)
    assert len(left) == 4                      # two parts, a child, and who ends them
    killed.kill()
    killed.wait()
    wait_until_gone(left, 10)


def start_up(tmp_path):
    """Return `hypermatch up` once it has started its parts."""
    pytest.importorskip("confluent_kafka")
    environment = {**os.environ, "HYPERMATCH_REGISTRY_URL": f"sqlite:///{tmp_path}/registry.db",
                   "HYPERMATCH_REGISTRY_ARTIFACTS": f"{tmp_path}/artifacts",
                   "HYPERMATCH_INGEST_BANK": f"{tmp_path}/bank", "HYPERMATCH_TRAINER_CACHE": f"{tmp_path}/cache",
                   "HYPERMATCH_SERVING_PORT": "0"}
    started = subprocess.Popen([sys.executable, "-m", "infra", "up", "--embedded-broker", "--logs", f"{tmp_path}/logs"],
                               env=environment, stdout=subprocess.PIPE, text=True)
    for line in started.stdout:
        if line.startswith("started"):
            break
    time.sleep(5)
    return started


def test_up_stops_cleanly_on_sigterm(tmp_path):
    started = start_up(tmp_path)
    left = descendants(started.pid)
    started.terminate()
    assert started.wait(60) == 0
    wait_until_gone(left, 1)


def test_up_that_is_killed_leaves_nothing_running(tmp_path):
    started = start_up(tmp_path)
    left = descendants(started.pid)
    assert len(left) >= 4                      # ingest, trainer, serving, and who ends them
    started.kill()
    started.wait()
    wait_until_gone(left, 40)
