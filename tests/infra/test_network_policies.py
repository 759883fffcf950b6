"""Nothing of a cluster reaches or is reached but what a role needs."""

from tests.infra.manifests import WORKLOADS, built, container, environment, pod


def policies() -> list[dict]:
    return [each["spec"] for each in built("cpu") if each["kind"] == "NetworkPolicy"]


def open_ports(name: str, way: str) -> set:
    """Return the ports that a workload may be reached on (`ingress`) or may reach (`egress`)."""
    labels, found = pod("cpu", name)["metadata"]["labels"], set()
    for policy in policies():
        if _selects(policy["podSelector"], labels):
            found |= {port["port"] for rule in policy.get(way, []) for port in rule.get("ports", ["all"])}
    return found


def _selects(selector: dict, labels: dict) -> bool:
    return (selector.get("matchLabels", {}).items() <= labels.items()
            and all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", [])))


def test_what_is_not_named_is_shut():
    everything = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert everything in policies()
    reach = {name: open_ports(name, "egress") for name in WORKLOADS}
    assert reach == {"ingest": {53, 5432, 443, 9093}, "serving": {53, 5432, 443, 9093}, "trainer": {53, 5432, 443},
                     "console": {53, 5432, 443}, "migrate": {53, 5432}, "compact": {53, 443}, "vacuum": {53, 443}}
    assert {name: open_ports(name, "ingress") for name in WORKLOADS} == {
        "ingest": {9100, 3000}, "trainer": {9100, 3000}, "serving": {"http", 9100, 3000}, "console": {"http"},
        "migrate": set(), "compact": set(), "vacuum": set()}
    assert all("from" in rule for policy in policies() for rule in policy.get("ingress", []))


def test_the_ports_that_are_open_are_those_of_the_settings():
    brokers = environment("cpu", "ingest")["HYPERMATCH_INGEST_BROKERS"]
    assert {int(each.rsplit(":", 1)[1]) for each in brokers.split(",")} == {9093}
    assert environment("cpu", "serving")["HYPERMATCH_SERVING_BROKERS"] == brokers
    assert container("cpu", "serving")["ports"] == [{"name": "http", "containerPort": 3000}]
