"""A record of answers by the content of the question: the same run twice costs one, and a replay needs no network."""

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

from trainer.language_model.backend import Backend, Completion, LanguageModelError, NotRecorded
from trainer.language_model.budget import Meter


class Recorded:
    """Answers from `file` (JSON lines) and asks `backend` for what is not there, writing it down.

    Without a backend a question that was never asked raises NotRecorded. Threads and
    processes may share the file: each answer is one locked append, and a line cut off by
    a crash is passed over.
    """

    def __init__(self, file: Path, name: str, meter: Meter, backend: Backend | None = None) -> None:
        self.file, self.name, self.meter, self.backend = file, name, meter, backend
        self.concurrency = 1 if backend is None else backend.concurrency
        self._answers: dict[str, Any] = {}
        self._read_bytes, self._lock = 0, Lock()
        with self._lock:
            self._catch_up()

    def complete(self, prompt: str, *, max_tokens: int, temperature: float, stop: Sequence[str],
                 seed: int) -> Completion:
        key = key_of(self.name, prompt, max_tokens=max_tokens, temperature=temperature, stop=list(stop), seed=seed)
        found = self._find(key)
        if found is not None:
            return Completion(**found)
        backend = self._asked(prompt)
        completion = backend.complete(prompt, max_tokens=max_tokens, temperature=temperature, stop=stop, seed=seed)
        self._write(key, asdict(completion))
        return completion

    def score(self, prompt: str, continuations: Sequence[str]) -> list[float]:
        key = key_of(self.name, prompt, continuations=list(continuations))
        found = self._find(key)
        if found is not None:
            return list(found)
        scores = self._asked(prompt).score(prompt, continuations)
        self._write(key, scores)
        return scores

    def _find(self, key: str) -> Any:
        with self._lock:
            if key not in self._answers:
                self._catch_up()                      # another process may have asked meanwhile
            found = self._answers.get(key)
        if found is not None:
            self.meter.replayed()
        return found

    def _asked(self, prompt: str) -> Backend:
        if self.backend is None:
            raise NotRecorded(f"{self.file} holds no answer of {self.name} to the prompt that ends in "
                              f"{prompt[-60:]!r}", "run once with the model itself, so that its answers are recorded")
        return self.backend

    def _catch_up(self) -> None:
        """Read the whole lines that came since the last look."""
        if not self.file.exists() or self.file.stat().st_size == self._read_bytes:
            return
        with self.file.open("rb") as lines:
            lines.seek(self._read_bytes)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self._read_bytes += len(line)
                self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            self._answers[told["key"]] = told["answer"]
        except (ValueError, KeyError, TypeError):     # cut off by a crash: the question is asked again
            return

    def _write(self, key: str, answer: Any) -> None:
        line = json.dumps({"key": key, "answer": answer}, ensure_ascii=False).encode() + b"\n"
        try:
            append_line(self.file, line)
        except OSError as error:
            raise LanguageModelError(f"{self.file} cannot be written: {error.strerror or error}",
                                     "free some space or check HYPERMATCH_TRAINER_CACHE") from error


def key_of(name: str, prompt: str, **asked: Any) -> str:
    """Return the digest of a question: model, prompt and everything that shapes the answer."""
    told = json.dumps([name, prompt, sorted(asked.items())], ensure_ascii=False)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def append_line(file: Path, line: bytes) -> None:
    """Append one line under a lock, on a line of its own even where a crash left half of one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        while line:
            line = line[os.write(descriptor, line):]
    finally:
        os.close(descriptor)
