"""The ingest benchmark: a group of consumers banks what one would, and a share falls to each."""

from infra import apache_kafka
from infra.bench.ingest_group import measure_groups
from tests.conftest import require


def test_a_group_banks_every_text_once_beside_as_many_bare_loops():
    """On Apache Kafka: where a member joins late, the embedded broker now and then never lets the group begin again."""
    require(apache_kafka.is_available(), "Apache Kafka (Java 17 or later and Maven)")
    found = measure_groups(4_000, "apache", [2], rounds=1)

    group = found["groups"][0]
    assert group["consumers"] == 2 and sum(group["shares"]) == 4_000
    assert group["rows_per_second"] > 0 and group["ceiling_rows_per_second"] > 0 and group["ratio"] > 0
