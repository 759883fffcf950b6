"""Reads what the trainer sees in the stream: each look at a window as it comes, alarms, and what discovery found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine
from tqdm import tqdm

from ingest.bank import DataBank
from registry.database import read
from registry.drift import list_drift_checks
from registry.lifecycle.runs import list_runs
from registry.tables import DriftCheck, Run, RunKind, RunState

DISCOVER = "discover"
MAX_CHECKS = 200


@dataclass
class Lookout:
    """The looks at one task since a bank version, told as they come."""

    engine: Engine
    bank: DataBank
    task: str
    window_texts: int
    since: int                                        # bank version
    say: Callable[[str], None] = tqdm.write           # which leaves a progress bar whole
    checks: list[DriftCheck] = field(default_factory=list)

    def has_looked(self, n_before: int) -> bool:
        """Say whether a look came after the first `n_before`, and no whole window waits for one."""
        self.look()
        return len(self.checks) > n_before and self.n_waiting() < self.window_texts

    def look(self) -> None:
        """Read the looks that came, and tell each."""
        known = {check.id for check in self.checks}
        with read(self.engine) as session:
            found = list_drift_checks(session, self.task, limit=MAX_CHECKS)
        for check in reversed(found):
            if check.id not in known and check.bank_version > self.since:
                self.checks.append(check)
                self.say(f"   window {len(self.checks)}: {told(check)}")

    def n_waiting(self) -> int:
        """Count the texts that no look has covered."""
        return self.n_texts_since(self.checks[-1].bank_version if self.checks else self.since)

    def n_texts_since(self, version: int) -> int:
        return self.bank.n_texts(self.task, since_version=version)

    def leads_to_discovery(self) -> bool:
        return any(check.advice == DISCOVER for check in self.checks)

    def discovery(self) -> Run | None:
        """Return the last discovery if it has ended well; None while it is under way."""
        with read(self.engine) as session:
            runs = list_runs(session, self.task, limit=1, kind=RunKind.DISCOVERY)
        return runs[0] if runs and runs[0].state is RunState.SUCCEEDED else None


def told(check: DriftCheck) -> str:
    """Say in a line what a look found."""
    alarm = "alarm" if check.is_alarm else "quiet"
    return f"novelty rate {novelty_rate([check]):.3f}, {alarm}: {check.reason} -> {check.advice}"


def novelty_rate(checks: Sequence[DriftCheck]) -> float:
    """Return the mean share of texts that are as novel as the most novel twentieth of the reference."""
    return round(sum(check.report["novelty_rate"] or 0.0 for check in checks) / max(len(checks), 1), 3)
