"""Apache Kafka for the tests: what infra starts for benchmarks."""

from infra.apache_kafka import Kafka, is_available, running, started

__all__ = ["Kafka", "is_available", "running", "started"]
