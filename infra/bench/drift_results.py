"""Writes docs/drift.md and its plots from the figures that `hypermatch bench drift` left."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.bench.drift_plots import timeline
from infra.pages import renew
from registry.errors import HyperMatchError


def write(folder: Path, docs: Path) -> list[dict[str, Any]]:
    """Renew the figures between the marks of drift.md, and one plot per data set; return the figures."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    if not found:
        raise HyperMatchError(f"{folder} holds no figures", "run `hypermatch bench drift --data F --json FILE` first")
    plots = docs / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    for each in found:
        if each["as_it_came"]["each"]:
            (plots / f"drift_{each['data']}.svg").write_text(timeline(each["data"], each["as_it_came"]["each"]),
                                                             encoding="utf-8")
    text = "\n".join([_stable(found), _power(found), _streams(found)])
    renew(docs / "drift.md", "figures", text)
    return found


def _stable(found: Sequence[dict[str, Any]]) -> str:
    families = list(dict.fromkeys(family for each in found for family in each["per_family"]))
    lines = ["## False alarms on stable streams\n",
             "| set | windows of | windows | alarms | rate | 95 % interval | "
             + " | ".join(f"{family} alone" for family in families)
             + " | 2 of 3 | Evidently: any column | Evidently: data set |", "| --- " * (len(families) + 9) + "|"]
    for each in found:
        peer, confirmed = each["peer"]["evidently"]["false_alarms"], each["confirmed"]
        low, high = each["interval"]
        lines.append(
            f"| {each['data']} | {each['window_texts']} | {each['windows']} | {each['alarms']} | "
            f"{each['alarm_rate']:.4f} | {low:.4f} to {high:.4f} | "
            + " | ".join(f"{each['per_family'].get(family, 0):.4f}" for family in families)
            + f" | {confirmed['alarms']} of {confirmed['windows']} | {peer['any column']} of {peer['windows']} | "
            f"{peer['data set']} of {peer['windows']} |")
    return "\n".join([*lines, ""])


def _power(found: Sequence[dict[str, Any]]) -> str:
    lines = ["## Planted drifts: share of windows that alarm\n"]
    for each in found:
        sizes = [size for size in next(iter(each["power"].values()), {}) if size != "evidently"]
        n = next(iter(each["power"].values()))[sizes[0]]["windows"]
        lines += [f"### {each['data']} ({n} windows each)\n",
                  "| drift | " + " | ".join(f"{size} texts" for size in sizes)
                  + " | Evidently: any column | Evidently: data set |", "| --- " * (len(sizes) + 3) + "|"]
        for plant, told in each["power"].items():
            cells = [f"{told[size]['power']:.2f} ({told[size]['interval'][0]:.2f} to {told[size]['interval'][1]:.2f})"
                     for size in sizes]
            peer = told["evidently"]
            lines.append(f"| {plant} | " + " | ".join(cells)
                         + f" | {_of(peer, 'any column')} | {_of(peer, 'data set')} |")
        lines.append("")
    return "\n".join(lines)


def _of(peer: dict[str, Any], name: str) -> str:
    return f"{peer[name]} of {peer['windows']}" if peer.get("windows") else "-"


def _streams(found: Sequence[dict[str, Any]]) -> str:
    lines = ["## Streams as they came, and accuracy without labels\n",
             "| set | watched from | windows of | windows | past windows known | p <= alpha | alarms | 2 of 3 | "
             "delay, texts | error of the estimate | error of \"nothing changed\" | truth within the band |",
             "| --- " * 12 + "|"]
    for each in found:
        own = each["as_it_came"]
        if own["windows"]:
            lines.append(
                f"| {each['data']} | {own['watched_from'] or '-'} | {each['window_texts']} | {own['windows']} | "
                f"{own['past_windows']} | {own['moved']} | {own['alarms']} | {own['confirmed']} | "
                f"{own['delay_texts'] or '-'} | {own['accuracy_error']['estimated']:.3f} | "
                f"{own['accuracy_error']['unchanged']:.3f} | {own['in_band']:.2f} |")
    lines += ["", *(f"![{each['data']}](plots/drift_{each['data']}.svg)\n" for each in found
                    if each["as_it_came"]["each"])]
    return "\n".join([*lines, ""])
