"""What the trainer tells Prometheus: `hypermatch_trainer_<noun>_<unit>`."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from registry.tables import DriftCheck
from registry.telemetry.port import Rounds, serve

SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000)


class Metrics:
    """The metrics of one trainer process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry, self.rounds = CollectorRegistry(), Rounds()
        self.p_value = self._gauge("hypermatch_trainer_drift_p_value", "p-value of the newest window.")
        self.is_alarm = self._gauge("hypermatch_trainer_drift_is_alarm", "1 if the newest window alarms.")
        self.novelty = self._gauge("hypermatch_trainer_novelty_ratio", "Share of the newest window beyond the "
                                   "reference's 95th percentile of novelty; 0.05 is usual.")
        self.accuracy = self._gauge("hypermatch_trainer_estimated_accuracy_ratio",
                                    "Accuracy on the newest window, estimated without its labels.")
        self.windows = Counter("hypermatch_trainer_drift_windows", "Windows looked at.", ["task", "advice"],
                               registry=self.registry)
        self.runs = Counter("hypermatch_trainer_runs", "Training runs that ended.", ["task", "outcome"],
                            registry=self.registry)
        self.tick = Histogram("hypermatch_trainer_tick_seconds", "Duration of one look at all tasks, runs included.",
                              buckets=SECONDS, registry=self.registry)
        self.drift_tick = Histogram("hypermatch_trainer_drift_look_seconds", "Duration of one look at a window.",
                                    buckets=SECONDS, registry=self.registry)
        self.ticked_at = Gauge("hypermatch_trainer_ticked_at_seconds", "When the last tick ended (Unix time).",
                               registry=self.registry)

        self.has_champion = self._gauge("hypermatch_trainer_has_champion", "1 if a version answers.")
        self.audit_chain_is_broken = Gauge("hypermatch_trainer_audit_chain_is_broken", "1 if an audit entry was "
                                           "changed or removed.", registry=self.registry)

    def serve(self, host: str, port: int) -> None:
        """Answer on `port`, also whether the process lives; nothing if it is 0."""
        if port:
            serve(self.registry, self.rounds, host, port)

    def looked(self, check: DriftCheck) -> None:
        """Tell of a look at a window."""
        told = {self.p_value: check.p_value, self.is_alarm: float(check.is_alarm),
                self.novelty: check.report.get("novelty_rate"),
                self.accuracy: (check.report.get("accuracy") or {}).get("value")}
        for gauge, value in told.items():
            if value is not None:
                gauge.labels(check.task).set(value)
        self.windows.labels(check.task, check.advice).inc()

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, ["task"], registry=self.registry)
