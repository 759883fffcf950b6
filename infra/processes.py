"""What every process of HyperMatch starts with: its name, its clock, and how it is told to stop."""

import getpass
import os
import signal
import socket
import threading
from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)


def process_name(kind: str) -> str:
    return f"{kind}@{socket.gethostname()}:{os.getpid()}"


def user_name() -> str:
    return getpass.getuser()


def stop_on_signal() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set; a second one ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    return stop
