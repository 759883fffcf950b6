"""Plays production: texts through Kafka and requests to the prediction endpoint, each answer checked."""

import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from kafka import KafkaProducer
from tqdm import tqdm

from infra.broker import API_VERSION
from registry.events import TEXTS_TOPIC

CONFIDENCE_TOLERANCE = 2e-3                           # of a probability; batches of other sizes round differently
TIMEOUT_SECONDS = 30


@dataclass
class Tally:
    """What happened to the requests; shared by threads."""

    requests: int = 0
    texts: int = 0                                    # of the requests that were answered, if they may be banked
    failed: int = 0
    mixed: int = 0
    versions: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


class Client:
    """Asks one server for predictions over kept-alive connections, one per thread."""

    def __init__(self, port: int, task: str, tally: Tally) -> None:
        self.port, self.task, self.tally = port, task, tally
        self.local = threading.local()
        self.expected: dict[int, dict[str, dict[str, float]]] = {}       # version -> text -> label -> probability

    def ask(self, texts: Sequence[str], is_banked: bool = True) -> dict[str, Any] | None:
        """Return the answer, checked and counted; None if the request failed."""
        answer = self._post(json.dumps({"texts": list(texts), "is_banked": is_banked}))
        with self.tally.lock:
            self.tally.requests += 1
            if answer is None:
                self.tally.failed += 1
                return None
            self.tally.texts += len(texts) if is_banked else 0
            self.tally.versions.add(answer["model_version"])
            self.tally.mixed += self._is_mixed(texts, answer)
        return answer

    def _post(self, body: str) -> dict[str, Any] | None:
        try:
            connection = self._connection()
            connection.request("POST", f"/v1/tasks/{self.task}/predict", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            return json.loads(content) if response.status == http.client.OK else None
        except (OSError, http.client.HTTPException):
            self.local.connection = None
            return None

    def _connection(self) -> http.client.HTTPConnection:
        if getattr(self.local, "connection", None) is None:
            self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        connection: http.client.HTTPConnection = self.local.connection
        return connection

    def _is_mixed(self, texts: Sequence[str], answer: dict[str, Any]) -> bool:
        """Say whether the answer differs from what the version it names computes for these texts."""
        expected = self.expected.get(answer["model_version"], {})
        return any(abs(expected[text][told["label"]] - told["confidence"]) > CONFIDENCE_TOLERANCE
                   for text, told in zip(texts, answer["predictions"], strict=True) if text in expected)


class SteadyLoad:
    """Requests at a steady pace, one text each and none banked, between `__enter__` and `__exit__`."""

    def __init__(self, client: Client, texts: Sequence[str], requests_per_second: float, seed: int) -> None:
        self.client, self.texts, self.pause_seconds = client, texts, 1 / requests_per_second
        self.random, self.stop = random.Random(seed), threading.Event()

    def __enter__(self) -> "SteadyLoad":
        self.pool = ThreadPoolExecutor(8)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()
        self.pool.shutdown()

    def _run(self) -> None:
        while not self.stop.wait(self.pause_seconds):
            self.pool.submit(self.client.ask, [self.random.choice(self.texts)], is_banked=False)


def stream_texts(broker: str, task: str, texts: Iterable[str], *, repeats: Sequence[str] = (),
                 unreadable: Sequence[bytes] = (), describe: str = "stream to Kafka") -> int:
    """Send texts to the embedded broker as a producer of the user's would; return how many readable events."""
    version = tuple(map(int, API_VERSION.split(".")))
    producer = KafkaProducer(bootstrap_servers=broker, api_version=version, acks="all", linger_ms=20)
    events = [_event(task, text) for text in [*texts, *repeats]]
    for event in tqdm([*events, *unreadable], desc=describe, unit="text", disable=None):
        producer.send(TEXTS_TOPIC, event)
    producer.flush()
    producer.close()
    return len(events)


def ask_all(client: Client, texts: Sequence[str], *, per_request: int, describe: str,
            is_banked: bool = True) -> list[str | None]:
    """Return the predicted label of each text, None where the request failed."""
    chunks = [texts[i:i + per_request] for i in range(0, len(texts), per_request)]
    with ThreadPoolExecutor(8) as pool:
        asked = pool.map(partial(client.ask, is_banked=is_banked), chunks)
        answers = list(tqdm(asked, total=len(chunks), desc=describe, unit="request", disable=None))
    labels: list[str | None] = []
    for chunk, answer in zip(chunks, answers, strict=True):
        labels += [None] * len(chunk) if answer is None else [told["label"] for told in answer["predictions"]]
    return labels


def wait_until_ready(port: int, patience_seconds: float) -> bool:
    """Say whether the server became ready in time."""
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        if get(port, "/readyz") is not None:
            return True
        time.sleep(0.2)
    return False


def get(port: int, path: str) -> bytes | None:
    """Return the body of a page, None unless it answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        content = response.read()
        return content if response.status == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _event(task: str, text: str) -> bytes:
    return json.dumps({"id": uuid.uuid4().hex, "text": text, "task": task, "source": "demo",
                       "at": datetime.now(UTC).isoformat()}, ensure_ascii=False).encode()
