"""What ingest tells Prometheus: `hypermatch_ingest_<noun>_<unit>`."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from registry.telemetry.port import Rounds, serve


class Metrics:
    """The metrics of one ingest process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry, self.rounds = CollectorRegistry(), Rounds()
        self.rows = Counter("hypermatch_ingest_rows", "Rows banked.", registry=self.registry)
        self.duplicates = Counter("hypermatch_ingest_duplicates_rows", "Exact duplicates of the day and source, "
                                  "not banked again.", registry=self.registry)
        self.masked = Counter("hypermatch_ingest_masked_rows", "Rows in which personal data was masked.",
                              registry=self.registry)
        self.dead_letters = Counter("hypermatch_ingest_dead_letters_messages", "Unreadable messages.",
                                    registry=self.registry)
        self.commit = Histogram("hypermatch_ingest_commit_seconds", "Duration of one commit to the bank.",
                                buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30), registry=self.registry)
        self.lag = Gauge("hypermatch_ingest_lag_messages", "Messages on the topic that are not banked yet.",
                         ["topic", "partition"], registry=self.registry)
        self.is_paused = Gauge("hypermatch_ingest_is_paused", "1 while reading waits for the bank.",
                               registry=self.registry)

    def serve(self, host: str, port: int) -> None:
        """Answer on `port`, also whether the process lives; nothing if it is 0."""
        if port:
            serve(self.registry, self.rounds, host, port)
