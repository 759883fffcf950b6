"""A small town for the console's tests: tasks with every kind of row, made through the registry's own functions."""

import json
from datetime import datetime, timedelta
from math import sin
from random import Random
from typing import Any

from sqlalchemy import Engine

from registry import audit
from registry.accounts.people import add_account, set_password
from registry.accounts.roles import Role
from registry.artifacts.store import ArtifactStore
from registry.database import write
from registry.drift import record_drift_check
from registry.heartbeats import beat
from registry.labels import import_labels
from registry.lifecycle.promotion import approve, promote
from registry.lifecycle.runs import claim_run, finish_run, report_progress, request_run
from registry.lifecycle.versions import record_evaluation, record_gate, register_candidate
from registry.prompts import record_quality, save_prompt
from registry.proposals import record_proposals
from registry.reviews import Wanted, queue_texts
from registry.tables import ClassProposal, Part, ProposalState
from registry.tasks import create_task
from registry.watching.bank_days import keep_bank_days
from registry.watching.dead_letters import note_dead_letters
from registry.watching.maps import keep_map
from registry.watching.run_lines import Line, keep_lines
from registry.watching.tables import DeadLetterNote, DiscoveryMap

PASSWORD = "four quiet horses graze"
PEOPLE = {"vera": Role.VIEWER, "lars": Role.LABELER, "ada": Role.APPROVER, "root": Role.ADMIN}
HOSTILE = "<script>alert(1)</script> \u202egnp.exe\u202c a\u200bb <img src=x onerror=alert(2)> {{7*7}} =HYPERLINK(1)"
LABELS = ["card lost", "money missing", "other"]


def settle(engine: Engine, store: ArtifactStore, now: datetime, labels: list[str] = LABELS,
           texts: list[tuple[str, str]] | None = None) -> None:
    """Make `intents` with a champion v1, v2 that awaits approval and a refused v3; and `empty` with nothing."""
    with write(engine) as session:
        for name, role in PEOPLE.items():
            add_account(session, name, role, actor="town", now=now)
            set_password(session, name, PASSWORD + " " + role.value[::-1], actor="town", now=now)
        create_task(session, "empty", ["yes", "no"], actor="town", now=now - timedelta(days=40))
        create_task(session, "intents", labels, actor="town", now=now - timedelta(days=40),
                    description="What customers of the bank want, asked of each message in the chat.")
        rows = texts or [(f"my card is lost {i}", labels[i % len(labels)]) for i in range(40)]
        import_labels(session, "intents", [(HOSTILE, labels[0]), *rows], part=Part.TRAIN, actor="lars",
                      origin="first labels.csv", now=now - timedelta(days=39))
        import_labels(session, "intents", [(f"judge {i}", labels[i % len(labels)]) for i in range(30)],
                      part=Part.GATE, actor="lars", origin="gate.csv", now=now - timedelta(days=39))
        for number in (1, 2, 3):
            _version(session, number, labels, now - timedelta(days=21 - 6 * number), rows)
            if number == 1:
                approve(session, "intents", 1, actor="ada", reason="better than nothing", now=now - timedelta(days=14))
                promote(session, "intents", 1, actor="ada", reason="approved", now=now - timedelta(days=14))
        _watch(session, now, labels, rows)
        _propose(session, now, rows)
        _map(session, now, labels, rows)
        _prompt(session, now)
        _report(session, now)
        queue_texts(session, "intents", [Wanted(f"is this {i} about my card?", "uncertain", "two labels are near",
                                                worth=1 - i / 30, guess=labels[i % len(labels)], confidence=0.41)
                                         for i in range(24)], actor="trainer", now=now, version_number=1)
    _curve(engine, store, now)


def _version(session: Any, number: int, labels: list[str], now: datetime, rows: list[tuple[str, str]]) -> None:
    run = claim_run(session, "intents", worker="trainer@host:1", reason=f"{20 * number} new labels, 20 are enough",
                    actor="trainer", recipe={"encoder": "minilm", "head": {"champion_share": 0.1 * number}},
                    facts={"n_labels": 40 * number, "n_new_labels": 20 * number, "is_running": False}, now=now)
    version = register_candidate(
        session, "intents", digest=f"{number}" * 64, label_space=1, run_id=run.id, requested_by="trainer",
        recipe={"encoder": "minilm", "seed": 7, "head": {"champion_share": round(0.1 * number, 2)}},
        bank_version=100 * number, code_revision="git:0123456789abcdef0123456789abcdef01234567", n_labels=385,
        now=now)
    record_evaluation(session, version, evaluation(number, labels), now=now)
    record_gate(session, version, gate(number, labels, rows), now=now)
    outcome = f"v{number} awaits approval" if number < 3 else "v3 refused by the gate: no class weakened: recall fell"
    keep_lines(session, run.id, [Line(now + timedelta(seconds=seconds), level, says) for seconds, level, says in (
        (1, "INFO", f"385 train labels and 770 gate labels of {len(labels)} classes; 2000 texts of bank version 100"),
        (2, "INFO", "reading took 1.2 s"), (70, "INFO", "embedding took 68.3 s"), (90, "WARNING", HOSTILE),
        (120, "INFO", "learned as in-domain: 21 labels won and 9 lost of 385 held out"))])
    finish_run(session, run.id, version_number=number, outcome=outcome, now=now + timedelta(minutes=3),
               costs={"n_calls": 412, "n_failed": 3, "n_replayed": 0, "n_refused": 0, "n_prompt_tokens": 81_200,
                      "n_completion_tokens": 2_100, "seconds": 184.2, "money": 0.31} if number == 2 else None)


def evaluation(number: int, labels: list[str]) -> dict[str, Any]:
    value = 0.8 + 0.04 * number
    return {
        "n_texts": 770, "ece": 0.05 - 0.01 * number, "size_bytes": 23_500_000 - 10**6 * number,
        "accuracy": {"value": value, "low": value - 0.025, "high": value + 0.022},
        "macro_f1": {"value": value - 0.01, "low": value - 0.04, "high": value + 0.015},
        "recall": {label: {"value": min(8 + (i + number) % 3 - (i % 19 == 7) * 3 * (number > 1), 10) / 10,
                           "n_texts": 10} for i, label in enumerate(labels)},
        "latency": {"p50_ms": 4.1 + 0.2 * number, "p99_ms": 6.5}, "parity": {"largest_difference": 1e-6},
        "offsets": {"hypermatch.texts:0": 9_000 * number, "hypermatch.texts:1": 9_204 * number},
        "head": {"unlabeled_texts": 2_000 * number, "temperature": 1.1},
        "learning": {"arm": "in-domain", "reason": "in-domain learning helps: 21 labels won and 9 lost of 385 held out",
                     "evidence": {}},
        "calibration": [{"confidence": i / 10 + 0.05, "n_texts": 51,
                         "accuracy": round(min(0.06 + 0.93 * i / 10 + 0.02 * (i % 3), 1.0), 3)} for i in range(10)],
    }


def gate(number: int, labels: list[str], rows: list[tuple[str, str]]) -> dict[str, Any]:
    checks = [
        {"name": "gate labels", "passed": True, "says": "770 gate labels, 30 are needed"},
        {"name": "not worse than the champion", "passed": True,
         "says": "+0.041 accuracy against intents v1 on 770 texts, at least +0.022 with 95% confidence; -0.010 is "
                 "allowed"},
        {"name": "few negative flips", "passed": number != 3, "says": "12 of the 662 texts that were right are wrong "
                                                                     "now, 0.018 [0.010, 0.031]; 5% are allowed"},
        {"name": "no class lost", "passed": None, "says": "no class has the 20 gate labels to judge it by"},
    ]
    decided = {"passed": number != 3, "checks": checks,
               "reasons": [f"{check['name']}: {check['says']}" for check in checks if check["passed"] is not None]}
    return decided if number == 1 else decided | {"against": _against(labels, rows)}


def _against(labels: list[str], rows: list[tuple[str, str]]) -> dict[str, Any]:
    def flip(i: int, text: str, truth: str) -> dict[str, Any]:
        other = labels[(labels.index(truth) + 1) % len(labels)]
        was, now = (other, truth) if i % 3 else (truth, other)
        return {"text": text, "truth": truth, "was": was, "now": now, "was_confidence": 0.41 + i % 30 / 100,
                "confidence": 0.62 + i % 30 / 100}

    flips = [flip(i, text, truth) for i, (text, truth) in enumerate([(HOSTILE, labels[0]), *rows[:20]])]
    traffic = [{name: value for name, value in each.items() if name != "truth"} for each in flips[:6]]
    return {"champion": "intents v1", "n_texts": 770, "n_fixed": 44, "n_broken": 12, "n_otherwise": 9, "flips": flips,
            "traffic": {"n_texts": 200, "n_changed": 6, "flips": traffic}}


def _watch(session: Any, now: datetime, labels: list[str], rows: list[tuple[str, str]]) -> None:
    for i in range(14):
        p_value = [0.6, 0.3, 0.8, 0.2, 0.55, 0.09, 0.7, 0.4, 0.03, 0.5, 0.35, 0.08, 0.012, 0.0002][i]
        is_alarm = p_value <= 0.01
        report = {
            "alpha": 0.01, "p_value": p_value, "is_alarm": is_alarm, "alarmed": ["words"] if is_alarm else [],
            "reason": f"words: p {p_value} <= 0.01" if is_alarm else f"no alarm: p {p_value} > 0.01",
            "families": {"words": p_value, "labels": min(1.0, 3 * p_value), "novelty": 0.4}, "unadjusted": {},
            "n_reference": 2_000, "n_window": 1_000, "block_texts": 50,
            "moved": [{"kind": "word", "name": "refund", "before": 0.011, "now": 0.094, "z": 8.1},
                      {"kind": "label", "name": labels[0], "before": 0.2, "now": 0.11, "z": -4.0}] if is_alarm else [],
            "priors": _priors(labels, i),
            "accuracy": {"value": 0.83, "low": 0.79, "high": 0.87, "labeled": 0.84},
            "examples_before": [text for text, _ in rows[:3]], "examples_now": [HOSTILE, *(t for t, _ in rows[3:5])],
        }
        record_drift_check(session, "intents", bank_version=300 + i, version_number=1,
                           advice="retrain" if is_alarm else "wait", report=report, run_id=3 if is_alarm else None,
                           now=now - timedelta(days=14 - i))


def _map(session: Any, now: datetime, labels: list[str], rows: list[tuple[str, str]]) -> None:
    random = Random(7)
    names = ["refund from merchant", "charged twice", None, None]
    points = []
    for i in range(600):
        group = random.randrange(4)
        x, y = (random.gauss((-0.5, 0.45, 0.1, -0.1)[group], 0.14), random.gauss((0.4, -0.4, 0.5, -0.2)[group], 0.18))
        text = HOSTILE if i == 0 else rows[i % len(rows)][0]
        points.append({"x": max(min(x, 1), -1), "y": max(min(y, 1), -1), "text": text, "proposal": names[group],
                       "label": labels[min(int(random.expovariate(0.4)), len(labels) - 1)],
                       "novelty": min(max(random.gauss(0.8 if names[group] else 0.4, 0.15), 0), 1)})
    keep_map(session, DiscoveryMap(task="intents", at=now - timedelta(hours=5), bank_version=300, version_number=1,
                                   n_texts=3_120, points=points))


def _propose(session: Any, now: datetime, rows: list[tuple[str, str]]) -> None:
    record_proposals(session, "intents", [
        ClassProposal(task="intents", state=ProposalState.PROPOSED, name=name, n_texts=n, near_label=near,
                      cohesion=0.71, stability=0.9, bank_version=300, version_number=1,
                      created_at=now - timedelta(hours=5),
                      findings={"terms": ["refund", "merchant", "charged twice", "환불"], "share_novel": 0.81,
                                "trend": [{"from": now.isoformat(), "n_texts": each} for each in (3, 9, 8, 20, 31)],
                                "guesses": {"other": 40, "card lost": 9}, "merge_with": [],
                                "exemplars": [HOSTILE, *(f"{name}: please give it back {i}" for i in range(8))],
                                "boundary": [f"{name}? no, the cash {i}" for i in range(2)]})
        for name, n, near in (("refund from merchant", 184, None), ("charged twice", 61, "money missing"))],
        actor="trainer", now=now - timedelta(hours=5))


def _priors(labels: list[str], look: int) -> dict[str, float]:
    weights = [1 / (number + 1.5) * (1 + 0.6 * sin(look / 3 + number)) for number in range(len(labels))]
    return {label: weight / sum(weights) for label, weight in zip(labels, weights, strict=True)}


def _prompt(session: Any, now: datetime) -> None:
    prompt = save_prompt(session, {"name": "label-english", "use": "label", "language": "en",
                                   "words": "Which label fits the text?"}, actor="ada", now=now - timedelta(days=3))
    record_quality(session, prompt, "intents", "tiny-lm", n_labels=100, accuracy=(0.81, 0.72, 0.87), details={},
                   actor="ada", now=now - timedelta(days=2))


def _report(session: Any, now: datetime) -> None:
    beat(session, process="ingest@host:10", kind="ingest", interval_seconds=10, now=now,
         says={"lag": 12, "dead_letters": 9, "messages_banked": 18_204, "is_broker_away": False})
    note_dead_letters(session, [DeadLetterNote(
        topic="hypermatch.texts", partition=i % 2, offset=90_210 + i, n_bytes=64 + 900 * i,
        at=now - timedelta(hours=5 * i),
        reason=["text: String should have at least 1 character", "invalid UTF-8", "at: Input should have timezone info",
                f"task: {HOSTILE}"][i % 4]) for i in range(9)])
    keep_bank_days(session, {"intents": {(now - timedelta(days=i)).date(): 400 + 37 * (i % 7) + 12 * (30 - i)
                                         for i in range(31) if i % 9}})
    beat(session, process="server@host:11", kind="server", interval_seconds=10, now=now,
         says={"serves": {"intents": 1}, "provider": "CPUExecutionProvider"})
    beat(session, process="trainer@host:1", kind="trainer", interval_seconds=10, now=now,
         says={"intents": "wait: 3 of 20 new labels, 810 of 5000 new texts"})


def _curve(engine: Engine, store: ArtifactStore, now: datetime) -> None:
    def arm(gain: float, more: int) -> dict[str, Any]:
        sizes = [77, 154, 231, 308, 385, 600, 900, 1_500, 3_000, 6_000]
        scores = [min(0.95, 0.55 + gain + 0.09 * i**0.7) for i in range(len(sizes))]
        return {"points": [{"n_labels": n, "accuracy": s, "draw": 0} for n, s in zip(sizes[:5], scores, strict=False)],
                "band": [{"n_labels": n, "accuracy": s, "low": s - 0.02 - 0.004 * i, "high": min(s + 0.02, 0.99)}
                         for i, (n, s) in enumerate(zip(sizes, scores, strict=True))],
                "demand": {"target": 0.9, "more": more, "low": more // 2, "high": 2 * more, "says": f"{more} more"},
                "laws": {}}

    curve = {"task": "intents", "target": 0.9, "n_labels": 385, "judge": "770 gate labels", "confidence": 0.8,
             "saving": {"value": 2.6, "low": 2.0, "high": 3.4},
             "arms": {"labels only": arm(0.0, 1_420), "HyperMatch": arm(0.08, 215)}}
    digest = store.store({"curve.json": json.dumps(curve).encode()}, {"kind": "curve"})
    with write(engine) as session:
        audit.record(session, action="curve:measured", subject="intents", actor="ada", now=now - timedelta(days=1),
                     details={"digest": digest})


def start_run(engine: Engine, now: datetime) -> int:
    """Leave one run of `intents` in progress and return its number."""
    with write(engine) as session:
        request_run(session, "intents", actor="ada", reason="after the new labels", now=now)
        run = claim_run(session, "intents", worker="trainer@host:1", reason="", actor="ada", recipe={}, facts={},
                        now=now)
        keep_lines(session, run.id, [Line(now + timedelta(seconds=seconds), level, says) for seconds, level, says in (
            (1, "INFO", "402 train labels and 770 gate labels of 77 classes; 18363 texts of bank version 313"),
            (2, "INFO", "reading took 1.4 s"), (41, "INFO", "embedding took 38.9 s"),
            (42, "WARNING", "the language model did not answer 3 of 412 times"))])
        report_progress(session, run.id, step="learning", progress=0.62, now=now)
        return run.id
