"""Draws the map of a discovery: a dot per text, colored by proposal, label or novelty, whichever the reader picks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from registry.console.rendering import shown
from registry.console.series import REST, colors_of

WIDTH, HEIGHT, EDGE, RADIUS = 1_000, 560, 16, 4
N_SHADES = 5                                          # of novelty, from known to unknown
MODES = ("proposal", "label", "novelty")


@dataclass(frozen=True)
class Key:
    """One entry of a legend; a name of None stands for all others."""

    color: str
    name: str | None
    n_texts: int


@dataclass(frozen=True)
class Atlas:
    """The drawing, and the legends of the first two modes."""

    drawing: Markup
    proposals: list[Key]
    labels: list[Key]


def draw_atlas(points: Sequence[dict[str, Any]], title: str) -> Atlas:
    """Draw the points of a kept map; a text is told on hover, by script also at once."""
    proposals = colors_of(point["proposal"] for point in points if point["proposal"])
    labels = colors_of(point["label"] for point in points)
    dots = "".join(_dot(point, proposals, labels) for point in _proposed_last(points))
    drawing = Markup(f'<svg class="atlas" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
                     f'tabindex="0">{dots}</svg>')
    return Atlas(drawing, _legend(proposals, [point["proposal"] for point in points]),
                 _legend(labels, [point["label"] for point in points]))


def _proposed_last(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Draw what is proposed above the rest."""
    return sorted(points, key=lambda point: point["proposal"] is not None)


def _dot(point: dict[str, Any], proposals: dict[str, str], labels: dict[str, str]) -> str:
    shade = min(int(point["novelty"] * N_SHADES), N_SHADES - 1)
    x, y = (EDGE + (1 + point[axis]) / 2 * (length - 2 * EDGE) for axis, length in (("x", WIDTH), ("y", HEIGHT)))
    kinds = f"p-{proposals.get(point['proposal'], REST)} l-{labels.get(point['label'], REST)} n-s{max(shade, 0)}"
    says = shown(f"{point['text']}\n{point['label']} · {point['novelty']:.2f}"
                 + (f" · {point['proposal']}" if point["proposal"] else "")).replace("⟨U+000A⟩", "\n")
    return f'<circle class="{kinds}" cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}"><title>{escape(says)}</title></circle>'


def _legend(colors: dict[str, str], names: Sequence[str | None]) -> list[Key]:
    counts = Counter(names)
    keys = [Key(color, name, counts[name]) for name, color in colors.items()]
    n_others = len(names) - sum(key.n_texts for key in keys)
    return [*keys, Key(REST, None, n_others)] if n_others else keys
