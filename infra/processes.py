"""What every process of HyperMatch starts with: its name, and how it is told to stop."""

import os
import signal
import socket
import threading


def process_name(kind: str) -> str:
    return f"{kind}@{socket.gethostname()}:{os.getpid()}"


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
