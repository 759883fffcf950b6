"""The load: texts and poisoned messages through Kafka, and requests whose answers are checked."""

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import Message, Producer

from infra.demo.traffic import CONFIDENCE_TOLERANCE
from infra.torture.installation import TASK
from registry.events import TEXTS_TOPIC

TIMEOUT_SECONDS = 60
TEXTS_PER_SECOND = 40
PERSONAL_EVERY = 50
CARD = "4111 1111 1111 1111"
N_CLIENTS = 3
REQUEST_PAUSE_SECONDS = 0.25
POISON = (b"not json", b"\xff\xfe\x00", b'{"id": "x"}', b'{"id": 5, "text": []}', b"", b"[1, 2]",
          b'{"id": "y", "text": "')
LONG_BYTES = 10 * 2**20


class Sender:
    """Sends numbered texts at a steady pace, each exactly once as far as the broker knows, and poison when told to."""

    def __init__(self, brokers: str, texts: Sequence[str], seed: int) -> None:
        # idempotent and without a time limit: whatever happens to the broker, a text is in the topic once
        self.producer = Producer({"bootstrap.servers": brokers, "enable.idempotence": True, "message.timeout.ms": 0,
                                  "linger.ms": 20, "message.max.bytes": 16 * 2**20, "log_level": 0})
        self.texts, self.random = texts, random.Random(seed)
        self.sent: dict[str, str] = {}                # id -> text
        self.poisoned: set[tuple[str, int, int]] = set()
        self.failed: list[str] = []
        self.n_poison = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def end(self, patience_seconds: float) -> int:
        """Stop, and return how many messages the broker has not confirmed in time."""
        self.stop.set()
        self.thread.join()
        return int(self.producer.flush(patience_seconds))

    def poison(self, kind: int) -> None:
        content = POISON[kind] if kind < len(POISON) else json.dumps({"id": "long", "text": "x" * LONG_BYTES}).encode()
        self.n_poison += 1
        self.producer.produce(TEXTS_TOPIC, content, on_delivery=self._poison_arrived)

    def _run(self) -> None:
        while not self.stop.wait(1 / TEXTS_PER_SECOND):
            number = len(self.sent)
            text = f"{self.random.choice(self.texts)} [{number}]"
            if number % PERSONAL_EVERY == 0:
                text += f" my card is {CARD}"
            self.sent[str(number)] = text
            self.producer.produce(TEXTS_TOPIC, json.dumps({"id": str(number), "text": text, "task": TASK}).encode(),
                                  on_delivery=self._arrived)
            self.producer.poll(0)

    def _arrived(self, error: object, _: Message) -> None:
        if error is not None:
            self.failed.append(str(error))

    def _poison_arrived(self, error: object, message: Message) -> None:
        if error is not None:
            self.failed.append(str(error))
            return
        self.poisoned.add((str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)))


@dataclass
class Asked:
    """What became of the requests; shared by threads."""

    answered: Counter[int] = field(default_factory=Counter)              # by version
    refused: Counter[int] = field(default_factory=Counter)               # by HTTP status
    n_not_accepted: int = 0
    lost: list[tuple[float, float, str]] = field(default_factory=list)   # accepted and never answered: begin, end, why
    answers: list[tuple[int, str, str, float]] = field(default_factory=list)     # version, text, label, confidence
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


class Clients:
    """Ask one text at a time over new connections, so that whose answer was lost is beyond doubt."""

    def __init__(self, port: int, texts: Sequence[str], seed: int) -> None:
        self.port, self.texts, self.asked, self.stop = port, texts, Asked(), threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(random.Random(seed + number),), daemon=True)
                        for number in range(N_CLIENTS)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _run(self, draw: random.Random) -> None:
        while not self.stop.wait(REQUEST_PAUSE_SECONDS):
            self._ask(draw.choice(self.texts))

    def _ask(self, text: str) -> None:
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.connect()
        except OSError:
            with self.asked.lock:
                self.asked.n_not_accepted += 1
            return
        try:
            connection.request("POST", f"/v1/tasks/{TASK}/predict", json.dumps({"texts": [text]}),
                               {"Content-Type": "application/json"})
            response = connection.getresponse()
            self._note(text, response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            with self.asked.lock:
                self.asked.lost.append((begun, time.monotonic(), f"{type(error).__name__}: {error}"))
        finally:
            connection.close()

    def _note(self, text: str, status: int, content: bytes) -> None:
        with self.asked.lock:
            if status != http.client.OK:
                self.asked.refused[status] += 1
                return
            answer = json.loads(content)
            told = answer["predictions"][0]
            self.asked.answered[answer["model_version"]] += 1
            self.asked.answers.append((answer["model_version"], text, told["label"], told["confidence"]))


def is_close(expected: float, found: float) -> bool:
    return abs(expected - found) <= CONFIDENCE_TOLERANCE


