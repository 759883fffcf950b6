"""Measures banking by several consumers of one group against as many bare poll loops, in alternating rounds."""

import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from infra.bench.ingest import filled_topic
from ingest.bank import DataBank
from registry.errors import HyperMatchError

PATIENCE_SECONDS = 300.0                              # of one word to the next

Words = queue.Queue[tuple[int, str]]                  # who said what; nothing: that member has ended


def measure_groups(rows: int, broker: str, consumers: Sequence[int], rounds: int = 3) -> dict[str, Any]:
    """Return, for each number of consumers, the rates of as many bare poll loops and of one group, and their ratio."""
    found = []
    with tempfile.TemporaryDirectory() as folder, filled_topic(rows, broker, Path(folder)) as environment, \
            tqdm(total=len(consumers) * rounds, desc="rounds", disable=None) as bar:
        for n in consumers:
            ceilings, banked = [], []
            for number in range(rounds):
                own = {**environment, "HYPERMATCH_INGEST_BANK": f"{folder}/bank-{n}-{number}",
                       "HYPERMATCH_INGEST_GROUP": f"bench-{n}-{number}"}
                ceilings.append(run_group("ceiling", n, rows, own))
                banked.append(run_group("ingest", n, rows, own))
                check_banked(own["HYPERMATCH_INGEST_BANK"], rows)
                bar.update()
            found.append({"consumers": n, **summary(ceilings, banked)})
    return {"rows": rows, "broker": broker, "rounds": rounds, "cores": os.cpu_count(), "groups": found}


def summary(ceilings: Sequence[dict[str, Any]], banked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    ceiling, rate = (statistics.median(one["rows_per_second"] for one in each) for each in (ceilings, banked))
    return {"ceiling_rows_per_second": round(ceiling), "rows_per_second": round(rate),
            "ratio": round(rate / ceiling, 3), "memory_mib": round(max(one["memory_mib"] for one in banked)),
            "shares": banked[-1]["shares"],
            "ceilings": [round(one["rows_per_second"]) for one in ceilings],
            "rates": [round(one["rows_per_second"]) for one in banked]}


def run_group(kind: str, n: int, rows: int, environment: Mapping[str, str]) -> dict[str, Any]:
    """Let `n` members read or bank `rows` messages together; the clock starts when the first may read its partitions.

    All begin at once, when the last of them is up.
    """
    words: Words = queue.Queue()
    with members(kind, n, environment, words) as group:
        for _ in group:
            _heard(words, kind)
        for member in group:
            _tell(member, "go")
        told: dict[int, dict[str, Any]] = {}
        while sum(each["rows"] for each in told.values()) < rows:
            number, word = _heard(words, kind)
            told[number] = json.loads(word)
    seconds = max(each["ended"] for each in told.values()) - min(each["begun"] for each in told.values())
    return {"rows_per_second": rows / seconds, "memory_mib": sum(each["memory_mib"] for each in told.values()),
            "shares": sorted(each["rows"] for each in told.values())}


@contextmanager
def members(kind: str, n: int, environment: Mapping[str, str],
            words: Words) -> Iterator[list["subprocess.Popen[str]"]]:
    """Yield running members whose lines arrive in `words`; they end when this does."""
    command = [sys.executable, "-m", "infra.bench.ingest_members", kind]
    group = [subprocess.Popen([*command, str(number), str(n)], env={**os.environ, **environment}, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) for number in range(n)]
    for number, member in enumerate(group):
        threading.Thread(target=_listen, args=(number, member, words), daemon=True).start()
    try:
        yield group
    finally:
        for member in group:
            assert member.stdin is not None
            member.stdin.close()
        for member in group:
            member.wait(PATIENCE_SECONDS)


def check_banked(bank: str, rows: int) -> None:
    n_banked = DataBank(bank).stats()["rows"]
    if n_banked != rows:
        raise HyperMatchError(f"{rows} texts were sent and {n_banked} banked")


def _listen(number: int, member: "subprocess.Popen[str]", words: Words) -> None:
    assert member.stdout is not None
    for line in member.stdout:
        words.put((number, line))
    words.put((number, ""))


def _heard(words: Words, kind: str) -> tuple[int, str]:
    """Return the next word of any member; raises HyperMatchError if one has ended or nobody says anything."""
    try:
        number, word = words.get(timeout=PATIENCE_SECONDS)
    except queue.Empty:
        raise HyperMatchError(f"the {kind} round came to nothing in {PATIENCE_SECONDS:.0f} s", "ask for fewer --rows"
                              ) from None
    if not word:
        raise HyperMatchError(f"a consumer of the {kind} round ended", "its error is above")
    return number, word


def _tell(member: "subprocess.Popen[str]", word: str) -> None:
    assert member.stdin is not None
    member.stdin.write(f"{word}\n")
    member.stdin.flush()
