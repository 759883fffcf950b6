"""Ends a worker whose server was killed: it would hold the port that the next server needs."""

import os
import signal
import sys
import threading
import time

import psutil

WORKER_MODULE = "_bentoml_impl.worker"                # what BentoML starts as a child of its own server
POLL_SECONDS = 0.5
GRACE_SECONDS = 10.0


def is_worker() -> bool:
    """Say whether this process is a worker, whose parent is the server and nothing else."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name.startswith(WORKER_MODULE)


def end_with_parent() -> None:
    """Watch the server from a thread; once it is gone, ask this process to end, and end it after a grace."""
    threading.Thread(target=_watch, args=(os.getppid(),), name="parent watch", daemon=True).start()


def _watch(parent: int) -> None:
    is_server = _is_server(parent)                    # it may have been killed while this process was importing
    while is_server and os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


def _is_server(pid: int) -> bool:
    """Say whether this process is BentoML's server, and not the one that takes in orphans."""
    try:
        return any("bentoml" in word for word in psutil.Process(pid).cmdline())
    except psutil.Error:
        return False
