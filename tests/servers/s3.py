"""S3 for the tests: moto's server in a process of its own, on loopback."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError

import fsspec

from infra.apache_kafka import free_port

START_SECONDS = 30


@contextmanager
def running() -> Iterator[str]:
    """Yield the address of a server; a thread of ours would stop whenever a native call here holds Python's lock."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()          # one of an earlier test knows another address
    address = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(address)
        yield address
    finally:
        process.kill()
        process.wait()


def wait_for(address: str) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/moto-api/", timeout=2):
                return
        except (URLError, OSError):
            assert time.monotonic() < until, "moto's server did not start"
            time.sleep(0.1)


def make_bucket(address: str, name: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(f"{address}/{name}", method="PUT")):
        pass


def options(address: str) -> dict[str, str]:
    """Return what a data bank needs to know to reach the server."""
    return {"AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
