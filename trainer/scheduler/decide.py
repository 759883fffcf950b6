"""Decides whether to train now; touches nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from trainer.scheduler.facts import Facts

LONGEST_COOLDOWN = timedelta(days=1)


@dataclass(frozen=True)
class Triggers:
    """How much must have happened before a run is worth it."""

    new_labels: int
    new_texts: int
    cooldown: timedelta


@dataclass(frozen=True)
class Decision:
    """Train or wait, and why; `actor` is who asked."""

    is_train: bool
    reason: str
    actor: str = "trainer"


def decide(facts: Facts, triggers: Triggers, now: datetime) -> Decision:
    """Say whether to train now, and why."""
    blocked = _why_not(facts, triggers, now)
    if blocked is not None:
        return Decision(False, blocked)
    if facts.requested_by is not None:
        return Decision(True, f"asked for by {facts.requested_by}: {facts.request_reason}", facts.requested_by)
    if facts.is_unfinished:
        return Decision(True, _again(facts.unfinished_reason))
    if facts.n_new_labels >= triggers.new_labels:
        return Decision(True, f"{facts.n_new_labels} new labels, {triggers.new_labels} are enough")
    if facts.n_new_texts >= triggers.new_texts and facts.awaiting_approval is None:
        return Decision(True, f"{facts.n_new_texts} new texts, {triggers.new_texts} are enough")
    return Decision(False, _why_wait(facts, triggers))


def cooldown_of(n_failures: int, first: timedelta) -> timedelta:
    """Return how long to wait after so many failures in a row: twice as long after each."""
    if n_failures == 0:
        return timedelta(0)
    return min(first * 2.0 ** min(n_failures - 1, 40), LONGEST_COOLDOWN)


def _why_not(facts: Facts, triggers: Triggers, now: datetime) -> str | None:
    """Return what stands in the way whatever the triggers say."""
    if facts.is_running:
        return "a run is in progress"
    may_begin = facts.n_labeled_classes == 0 and facts.requested_by is not None     # from label names, if a person asks
    if facts.n_labeled_classes < 2 and not may_begin:
        return f"train labels of {facts.n_labeled_classes} classes, at least 2 are needed"
    cooldown = cooldown_of(facts.n_failures, triggers.cooldown)
    if facts.requested_by is None and facts.last_ended_at is not None and now - facts.last_ended_at < cooldown:
        return f"cooling down for {_short(cooldown)} after {facts.n_failures} failed runs in a row"
    return None


def _why_wait(facts: Facts, triggers: Triggers) -> str:
    if facts.n_new_texts >= triggers.new_texts:
        return f"{facts.n_new_texts} new texts, but v{facts.awaiting_approval} awaits approval"
    return (f"{facts.n_new_labels} of {triggers.new_labels} new labels, "
            f"{facts.n_new_texts} of {triggers.new_texts} new texts")


def _again(reason: str) -> str:
    prefix = "again after an interruption: "
    return reason if reason.startswith(prefix) else prefix + reason


def _short(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
