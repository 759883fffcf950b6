"""Tables of the serving benchmark: what each server did, and how ours stands beside each peer."""

from collections.abc import Iterable, Sequence
from typing import Any

from infra.bench.peers.known import OURS, RAW

Cell = dict[str, Any]
HEAD = ("| server | texts/s | CPU ms per text | p50 / p99 / p99.9 at full rate, ms | 50 % load | 80 % | 95 % | "
        "MiB | failed, wrong |")
AIM_RAW, AIM_PEER, AIM_BATCH = 0.9, 2.0, 2.0


def tables(cells: Sequence[Cell]) -> list[str]:
    """Return one table for each workload."""
    found = []
    for title, group in workloads(cells):
        found += [f"**{title}**", "", HEAD, "| --- " * HEAD.count(" |") + "|", *map(_row, group), ""]
    return found


def workloads(cells: Sequence[Cell]) -> list[tuple[str, list[Cell]]]:
    """Group the cells by workload, in the order of lists, connections, lengths."""
    groups: dict[tuple[int, int, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell["texts"], cell["connections"], cell["length"]), []).append(cell)
    return [(_title(*key), groups[key]) for key in sorted(groups, key=lambda key: (key[2] != "mixed", key))]


def ratios(cells: Sequence[Cell]) -> list[str]:
    """Compare ours with ONNX Runtime alone, with one batch's time, and with each peer at a p99 no worse than that."""
    peers = list(dict.fromkeys(cell["server"] for cell in cells if cell["server"] not in (OURS, RAW)))
    head = ["workload", f"rate over ONNX Runtime alone (aim {AIM_RAW})", "its CPU per text over ours",
            f"p99 at 50 % over one batch (aim {AIM_BATCH:g})", *(f"rate over {peer} at its p99" for peer in peers)]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for title, group in workloads(cells):
        by_server = {cell["server"]: cell for cell in group}
        if OURS in by_server:
            ours = by_server[OURS]
            lines.append("| " + " | ".join([title, *_beside_raw(ours, by_server.get(RAW)),
                                            *(_at_same_p99(ours, by_server.get(peer)) for peer in peers)]) + " |")
    return lines


def cpu_table(cells: Sequence[Cell]) -> list[str]:
    """Return the CPU time of a text at full rate, which tells more than a rate does where others share the cores."""
    servers = list(dict.fromkeys(cell["server"] for cell in cells))
    lines = ["| CPU ms per text | " + " | ".join(servers) + " |", "| --- " * (len(servers) + 1) + "|"]
    for title, group in workloads(cells):
        told = {cell["server"]: f"{cell['capacity']['cpu_ms_per_text']:.1f}" for cell in group}
        lines.append(f"| {title} | " + " | ".join(told.get(server, "-") for server in servers) + " |")
    return lines


def points(cell: Cell) -> list[tuple[float, float]]:
    """Return (texts/s, p99 in ms) of each load that was held without failures, and of the full rate."""
    return [(each["texts_per_second"], each["p99_ms"]) for each in [*cell["loads"].values(), cell["capacity"]]
            if not each["failed"]]


def best_within(cell: Cell, p99_ms: float) -> float:
    """Return the largest rate that was measured with a p99 no worse, 0 if none was."""
    return max((rate for rate, p99 in points(cell) if p99 <= p99_ms), default=0.0)


def _beside_raw(ours: Cell, raw: Cell | None) -> list[str]:
    if raw is None:
        return ["-", "-", "-"]
    half = ours["loads"].get("50")
    return [f"{ours['capacity']['texts_per_second'] / raw['capacity']['texts_per_second']:.2f}",
            f"{raw['capacity']['cpu_ms_per_text'] / ours['capacity']['cpu_ms_per_text']:.2f}",
            "-" if half is None else f"{half['p99_ms'] / raw['capacity']['p50_ms']:.1f}"]


def _at_same_p99(ours: Cell, peer: Cell | None) -> str:
    """Return the range over the loads that the peer held."""
    if peer is None:
        return "-"
    found = [best_within(ours, p99) / rate for rate, p99 in points(peer)]
    return f"{min(found):.2f} to {max(found):.2f}" if found else "it failed"


def _row(cell: Cell) -> str:
    full, loads = cell["capacity"], cell["loads"]
    everything = [full, *loads.values()]
    return (f"| {cell['server']} | {full['texts_per_second']:.0f} | {full['cpu_ms_per_text']:.2f} | "
            f"{_latencies(full)} | " + " | ".join(_latencies(loads.get(percent)) for percent in ("50", "80", "95"))
            + f" | {max(each['memory_mib'] for each in everything):.0f} | {_sum(everything, 'failed')}, "
            f"{_sum(everything, 'wrong')} |")


def _latencies(told: dict[str, Any] | None) -> str:
    if told is None:
        return "-"
    return " / ".join(f"{told[name]:.0f}" if told[name] >= 10 else f"{told[name]:.1f}"
                      for name in ("p50_ms", "p99_ms", "p99.9_ms"))


def _sum(told: Iterable[dict[str, Any]], name: str) -> int:
    return sum(each[name] for each in told)


def _title(texts: int, connections: int, length: str) -> str:
    asked = "single texts" if texts == 1 else f"lists of {texts}"
    over = "1 connection" if connections == 1 else f"{connections} connections"
    tokens = "8 to 128 tokens" if length == "mixed" else f"{length} tokens"
    return f"{asked}, {over}, {tokens}"
