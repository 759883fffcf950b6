"""What the town's processes have seen: looks for drift, proposals and their map, dead letters, a curve."""

import json
from datetime import datetime, timedelta
from math import sin
from random import Random
from typing import Any

from sqlalchemy import Engine

from registry import audit
from registry.artifacts.store import ArtifactStore
from registry.database import write
from registry.drift import record_drift_check
from registry.heartbeats import beat
from registry.proposals import record_proposals
from registry.tables import ClassProposal, ProposalState
from registry.watching.bank_days import keep_bank_days
from registry.watching.dead_letters import note_dead_letters
from registry.watching.maps import keep_map
from registry.watching.tables import DeadLetterNote, DiscoveryMap

HOSTILE = "<script>alert(1)</script> \u202egnp.exe\u202c a\u200bb <img src=x onerror=alert(2)> {{7*7}} =HYPERLINK(1)"

FOUND = {                                             # name -> eight texts that are typical, two at the boundary
    "refund from merchant": ["the shop says it refunded me, but nothing came", "when does a store refund arrive?",
                             "I returned the shoes and want my money back", "how do I ask a merchant for a refund?",
                             "my refund is a week late", "the hotel promised to pay me back",
                             "they took the order back, where is my money?", "refund for a canceled order",
                             "can you take a payment back?", "is a chargeback the same as a refund?"],
    "charged twice": ["I paid once and was charged twice", "the same coffee is on my statement two times",
                      "why are there two identical payments?", "my card was debited double",
                      "two charges from one shop within a minute", "the till said declined, yet I paid twice",
                      "please remove the second payment", "a duplicate charge of 12.50",
                      "the fee was charged again", "one payment is pending and one is done"],
}


def watch(session: Any, now: datetime, labels: list[str], rows: list[tuple[str, str]]) -> None:
    """Look for drift and for new classes."""
    _look(session, now, labels, rows)
    _propose(session, now, labels)
    _map(session, now, labels, rows)


def report(session: Any, now: datetime) -> None:
    """Let the processes say what they know."""
    breathe(session, now)
    note_dead_letters(session, [DeadLetterNote(
        topic="hypermatch.texts", partition=i % 2, offset=90_210 + i, n_bytes=64 + 900 * i,
        at=now - timedelta(hours=5 * i),
        reason=["text: String should have at least 1 character", "invalid UTF-8", "at: Input should have timezone info",
                f"task: {HOSTILE}"][i % 4]) for i in range(9)])
    keep_bank_days(session, {"intents": {(now - timedelta(days=i)).date(): 400 + 37 * (i % 7) + 12 * (30 - i)
                                         for i in range(31) if i % 9}})


def breathe(session: Any, now: datetime) -> None:
    """Let each process say that it lives."""
    beat(session, process="ingest@host:10", kind="ingest", interval_seconds=10, now=now,
         says={"lag": 12, "dead_letters": 9, "messages_banked": 18_204, "is_broker_away": False})
    beat(session, process="server@host:11", kind="server", interval_seconds=10, now=now,
         says={"serves": {"intents": 1}, "provider": "CPUExecutionProvider"})
    beat(session, process="trainer@host:1", kind="trainer", interval_seconds=10, now=now,
         says={"intents": "wait: 3 of 20 new labels, 810 of 5000 new texts"})


def _look(session: Any, now: datetime, labels: list[str], rows: list[tuple[str, str]]) -> None:
    for i in range(14):
        p_value = [0.6, 0.3, 0.8, 0.2, 0.55, 0.09, 0.7, 0.4, 0.03, 0.5, 0.35, 0.08, 0.012, 0.0002][i]
        is_alarm = p_value <= 0.01
        report = {
            "alpha": 0.01, "p_value": p_value, "is_alarm": is_alarm, "alarmed": ["words"] if is_alarm else [],
            "reason": f"words: p {p_value} <= 0.01" if is_alarm else f"no alarm: p {p_value} > 0.01",
            "families": {"text": min(1.0, 5 * p_value), "predictions": min(1.0, 3 * p_value), "novelty": 0.4,
                         "words": p_value}, "unadjusted": {},
            "n_reference": 2_000, "n_window": 1_000, "block_texts": 50,
            "moved": [{"kind": "word", "name": "refund", "before": 0.011, "now": 0.094, "z": 8.1},
                      {"kind": "label", "name": labels[0], "before": 0.2, "now": 0.11, "z": -4.0}] if is_alarm else [],
            "priors": _priors(labels, i), "novelty_rate": round(0.047 + 0.002 * i, 3),
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


def _propose(session: Any, now: datetime, labels: list[str]) -> None:
    record_proposals(session, "intents", [
        ClassProposal(task="intents", state=ProposalState.PROPOSED, name=name, n_texts=n, near_label=near,
                      cohesion=0.71, stability=0.9, bank_version=300, version_number=1,
                      created_at=now - timedelta(hours=5),
                      findings={"terms": ["refund", "merchant", "charged twice", "환불"], "share_novel": 0.81,
                                "trend": [{"from": now.isoformat(), "n_texts": each} for each in (3, 9, 8, 20, 31)],
                                "guesses": {labels[2]: 40, labels[0]: 9}, "merge_with": [],
                                "exemplars": [HOSTILE, *texts[:8]], "boundary": texts[8:]})
        for (name, texts), n, near in zip(FOUND.items(), (184, 61), (None, labels[1]), strict=True)],
        actor="trainer", now=now - timedelta(hours=5))


def _priors(labels: list[str], look: int) -> dict[str, float]:
    weights = [1 / (number + 1.5) * (1 + 0.6 * sin(look / 3 + number)) for number in range(len(labels))]
    return {label: weight / sum(weights) for label, weight in zip(labels, weights, strict=True)}


def measure_curve(engine: Engine, store: ArtifactStore, now: datetime) -> None:
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
