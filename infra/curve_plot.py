"""Draws a task's data-performance curve with its bands and target as an SVG."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from infra.bench.plots import BOTTOM, COLORS, HEIGHT, INK, LEFT, RIGHT, TOP, WIDTH

Place = Callable[[float, float], tuple[float, float]]


def curve_svg(curve: dict[str, Any]) -> str:
    """Return an SVG of what `TaskCurve.to_dict` gives: bands shaded, scores as dots, labels at hand as a line."""
    rows = [row for arm in curve["arms"].values() for row in arm["band"]]
    points = [point for arm in curve["arms"].values() for point in arm["points"]]
    x_low, x_high = (math.log(pick(row["n_labels"] for row in rows)) for pick in (min, max))
    lowest = min([row["low"] for row in rows] + [point["accuracy"] for point in points])
    y_low = max(math.floor(10 * lowest) / 10, 0.0)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log(x) - x_low) / max(x_high - x_low, 1e-9)
        return (LEFT + across * (WIDTH - LEFT - RIGHT), TOP + (1 - y) / (1 - y_low) * (HEIGHT - TOP - BOTTOM))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
             f'<text x="{LEFT}" y="18" font-size="14">{escape(curve["task"])}: accuracy on {escape(curve["judge"])}'
             f'</text>']
    parts += _axes(y_low, math.exp(x_low), math.exp(x_high), place)
    parts += _marks(curve["target"], curve["n_labels"], y_low, math.exp(x_high), place)
    for number, (name, arm) in enumerate(curve["arms"].items()):
        parts += _arm(name, arm, COLORS[number % len(COLORS)], number, place)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _axes(y_low: float, least: float, most: float, place: Place) -> list[str]:
    parts = []
    for tenth in range(round(10 * y_low), 11):
        _, y = place(least, tenth / 10)
        parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" opacity=".25"/>',
                  f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>']
    size = least
    while size <= most * 1.001:
        x, _ = place(size, 1.0)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,.0f}</text>')
        size *= 4
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*parts, f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">labels</text>']


def _marks(target: float, n_labels: int, y_low: float, most: float, place: Place) -> list[str]:
    at, _ = place(n_labels, 1.0)
    parts = [f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="{INK}"/>',
             f'<text x="{at + 5:.1f}" y="{HEIGHT - BOTTOM - 8}">{n_labels:,} at hand</text>']
    if target >= y_low:
        _, y = place(most, target)
        parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" '
                  'stroke-dasharray="4 3"/>', f'<text x="{WIDTH - RIGHT + 6}" y="{y + 4:.1f}">target {target:g}</text>']
    return parts


def _arm(name: str, arm: dict[str, Any], color: str, number: int, place: Place) -> list[str]:
    rows = arm["band"]
    outline = [(row["n_labels"], row["high"]) for row in rows] + [(row["n_labels"], row["low"]) for row in rows[::-1]]
    middle = [(row["n_labels"], row["accuracy"]) for row in rows]
    dots = (place(point["n_labels"], point["accuracy"]) for point in arm["points"])
    key_y = HEIGHT - BOTTOM - 10 - 20 * number
    return [f'<polygon points="{_path(outline, place)}" fill="{color}" opacity=".18"/>',
            f'<polyline points="{_path(middle, place)}" fill="none" stroke="{color}" stroke-width="2"/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{color}"/>' for x, y in dots),
            f'<rect x="{WIDTH - RIGHT + 16}" y="{key_y - 9}" width="10" height="10" fill="{color}"/>',
            f'<text x="{WIDTH - RIGHT + 32}" y="{key_y}">{escape(name)}</text>']


def _path(points: Sequence[tuple[float, float]], place: Place) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
