"""What one look at a window found: tests, decision, and what moved, in words and examples."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Advice = Literal["retrain", "discover", "ask for labels", "wait"]


@dataclass(frozen=True)
class Moved:
    """A word, cluster, label or source and its share then and now."""

    kind: Literal["word", "cluster", "label", "source"]
    name: str
    before: float
    now: float
    z: float                                          # the difference in standard errors of block means


@dataclass(frozen=True)
class DriftReport:
    """`p_value` is for all families and sources together: at most `alpha` of stable windows have one as low as it."""

    alpha: float
    p_value: float
    families: dict[str, float]                        # p-value of each, adjusted for having looked at all of this
    segments: dict[str, float]                        # of each source's own texts, adjusted likewise
    unadjusted: dict[str, float]                      # of each family alone
    components: dict[str, float]
    is_beyond_past: bool | None                       # None: the past is too short to know what is usual
    n_reference: int
    n_window: int
    block_texts: int
    moved: list[Moved] = field(default_factory=list)
    priors: dict[str, float] = field(default_factory=dict)
    accuracy: dict[str, Any] | None = None
    novelty_rate: float | None = None                 # share beyond the reference's 95th percentile; 0.05 is usual
    examples_before: list[str] = field(default_factory=list)
    examples_now: list[str] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)       # of all rows that reference and window stand for
    volume: dict[str, Any] = field(default_factory=dict)       # texts per hour by source; never a reason for a run

    @property
    def is_alarm(self) -> bool:
        """Say whether the window moved, and more than the stream is used to."""
        return self.p_value <= self.alpha and self.is_beyond_past is not False

    @property
    def alarmed(self) -> list[str]:
        """The families that moved, and the sources that moved by themselves."""
        told = self.families | {f"source {name}": p for name, p in self.segments.items()}
        return [name for name, p in told.items() if p <= self.alpha] if self.is_alarm else []

    @property
    def reason(self) -> str:
        if self.is_alarm:
            return f"{', '.join(self.alarmed) or 'all families together'}: p {self.p_value:.3g} <= {self.alpha:g}"
        if self.p_value <= self.alpha:
            return f"p {self.p_value:.3g} <= {self.alpha:g}, but the stream is used to moving as much"
        return f"no alarm: p {self.p_value:.3g} > {self.alpha:g}"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"is_alarm": self.is_alarm, "reason": self.reason, "alarmed": self.alarmed}


def advise(report: DriftReport, max_fall: float = 0.03) -> tuple[Advice, str]:
    """Say what to do about a window, and why."""
    if not report.is_alarm:
        return "wait", report.reason
    if "novelty" in report.alarmed:
        return "discover", f"unknown kinds of text: {report.reason}"
    fall = 0.0 if report.accuracy is None else report.accuracy["labeled"] - report.accuracy["value"]
    if fall > max_fall:
        return "ask for labels", f"the estimated accuracy fell by {fall:.3f}: {report.reason}"
    return "retrain", report.reason
