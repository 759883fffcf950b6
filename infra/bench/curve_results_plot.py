"""Draws what was foretold, with its band, over what was measured, as an SVG."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.bench.plots import COLORS, INK

SIDE, LEFT, RIGHT, TOP, BOTTOM = 460, 62, 150, 34, 48

Place = Callable[[float], float]


def foretold(cells: Mapping[int, Sequence[dict[str, Any]]]) -> str:
    """Return an SVG with one dot and band per cell, a color per size; on the diagonal lies what came true."""
    values = [cell[name] for each in cells.values() for cell in each for name in ("low", "high", "accuracy")]
    low, high = math.floor(10 * min(values)) / 10, min(math.ceil(10 * max(values)) / 10, 1.0)

    def across(accuracy: float) -> float:
        return LEFT + (accuracy - low) / (high - low) * SIDE

    def up(accuracy: float) -> float:
        return TOP + (high - accuracy) / (high - low) * SIDE

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + SIDE + RIGHT} {TOP + SIDE + BOTTOM}" '
             f'role="img" font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
             f'<text x="{LEFT}" y="18" font-size="14">foretold accuracy with its 80 % band, over the measured</text>',
             *_frame(low, high, across, up)]
    for number, (size, each) in enumerate(cells.items()):
        color = COLORS[number % len(COLORS)]
        parts += _dots(each, color, across, up)
        key_x, key_y = LEFT + SIDE + 16, TOP + 12 + 20 * number
        parts += [f'<rect x="{key_x}" y="{key_y - 9}" width="10" height="10" fill="{color}"/>',
                  f'<text x="{key_x + 16}" y="{key_y}">{size} per class</text>']
    return "\n".join([*parts, "</svg>"]) + "\n"


def _frame(low: float, high: float, across: Place, up: Place) -> list[str]:
    parts = []
    for tenth in range(round(10 * low), round(10 * high) + 1):
        x, y = across(tenth / 10), up(tenth / 10)
        parts += [f'<line x1="{LEFT}" x2="{LEFT + SIDE}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" opacity=".25"/>',
                  f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>',
                  f'<text x="{x:.1f}" y="{TOP + SIDE + 18}" text-anchor="middle">{tenth / 10:.1f}</text>']
    middle = TOP + SIDE / 2
    return [*parts, f'<line x1="{across(low):.1f}" x2="{across(high):.1f}" y1="{up(low):.1f}" y2="{up(high):.1f}" '
            f'stroke="{INK}"/>',
            f'<text x="{LEFT + SIDE / 2}" y="{TOP + SIDE + 40}" text-anchor="middle">measured</text>',
            f'<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">foretold</text>']


def _dots(cells: Sequence[dict[str, Any]], color: str, across: Place, up: Place) -> list[str]:
    parts = []
    for cell in cells:
        x = across(cell["accuracy"])
        parts += [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{up(cell["low"]):.1f}" y2="{up(cell["high"]):.1f}" '
                  f'stroke="{color}" opacity=".45"/>',
                  f'<circle cx="{x:.1f}" cy="{up(cell["predicted"]):.1f}" r="3" fill="{color}"/>']
    return parts
