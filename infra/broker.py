"""The embedded development broker: librdkafka's mock cluster, in memory, on loopback."""

from pathlib import Path
from types import TracebackType

from registry.errors import HyperMatchError

API_VERSION = "2.3"                            # what kafka-python must speak with it; its own probing fails


class Broker:
    """A Kafka broker inside this process that other processes of this machine can use.

    It lives as long as this object does and forgets everything then. Topics come into
    being when first used, with four partitions. One ingest process per group: where another
    joins later, the group now and then never gets its partitions back.
    """

    def __init__(self) -> None:
        try:
            from confluent_kafka import Producer
        except ImportError as error:
            raise HyperMatchError("the embedded broker needs confluent-kafka",
                                  "pip install 'hypermatch[broker]'") from error
        self._cluster = Producer({"test.mock.num.brokers": 1, "log_level": 2})
        brokers = self._cluster.list_topics(timeout=10).brokers.values()
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    @property
    def environment(self) -> dict[str, str]:
        """What processes that use this broker need to know."""
        return {"HYPERMATCH_INGEST_BROKERS": self.address, "HYPERMATCH_INGEST_BROKER_API_VERSION": API_VERSION}

    def write_address(self, file: Path) -> None:
        """Leave the address where other processes can find it; the port differs at every start."""
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(self.address + "\n")
        partial.replace(file)

    def stop(self) -> None:
        del self._cluster

    def __enter__(self) -> "Broker":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()


def start_broker() -> Broker:
    """Start an embedded broker; `broker.address` is where."""
    return Broker()
