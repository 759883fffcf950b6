"""The ingest benchmark: a group of consumers banks what one would, and a share falls to each."""

from infra.bench.ingest_group import measure_groups


def test_a_group_banks_every_text_once_beside_as_many_bare_loops():
    found = measure_groups(4_000, "embedded", [2], rounds=1)

    group = found["groups"][0]
    assert group["consumers"] == 2 and sum(group["shares"]) == 4_000
    assert group["rows_per_second"] > 0 and group["ceiling_rows_per_second"] > 0 and group["ratio"] > 0
