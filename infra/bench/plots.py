"""Draws accuracy over labels per class as an SVG that reads on light and dark paper."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 56, 150, 34, 44
COLORS = ("#1b6ca8", "#d1495b", "#3a7d44", "#8f5ea2", "#c77d1e", "#5c6b73", "#00798c", "#a8a032", "#d889b8", "#7a4b2a")
INK = "#6b7280"

Line = Sequence[tuple[float, float]]                  # labels per class, accuracy


def curves(title: str, lines: Mapping[str, Line]) -> str:
    """Return an SVG with one line per arm; labels per class run logarithmically."""
    points = [point for line in lines.values() for point in line]
    xs = [math.log(x) for x, _ in points]
    x_low, x_high = min(xs), max(*xs, min(xs) + 1e-9)
    y_low, y_high = _round_down(min(y for _, y in points)), _round_up(max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log(x) - x_low) / (x_high - x_low)
        return (LEFT + across * (WIDTH - LEFT - RIGHT),
                TOP + (y_high - y) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
             f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>']
    parts += _grid(sorted({x for x, _ in points}), y_low, y_high, place)
    for number, (name, line) in enumerate(lines.items()):
        parts += _line(name, [place(x, y) for x, y in line], COLORS[number % len(COLORS)], number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _grid(xs: Sequence[float], y_low: float, y_high: float,
          place: Callable[[float, float], tuple[float, float]]) -> list[str]:
    parts = []
    for tenth in range(round(10 * y_low), round(10 * y_high) + 1):
        _, y = place(xs[0], tenth / 10)
        parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" opacity=".25"/>',
                  f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>']
    taken = -1e9
    for x in xs:
        at, _ = place(x, 1.0)
        if at - taken > 24:
            parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x:g}</text>')
            taken = at
    middle = (LEFT + WIDTH - RIGHT) / 2
    return [*parts, f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">labels per class</text>',
            f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">accuracy</text>']


def _line(name: str, points: Sequence[tuple[float, float]], color: str, number: int) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    key_y = TOP + 10 + 20 * number
    return [f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in points),
            f'<rect x="{WIDTH - RIGHT + 16}" y="{key_y - 9}" width="10" height="10" fill="{color}"/>',
            f'<text x="{WIDTH - RIGHT + 32}" y="{key_y}">{escape(name)}</text>']


def _round_down(accuracy: float) -> float:
    return max(math.floor(10 * accuracy) / 10, 0.0)


def _round_up(accuracy: float) -> float:
    """Return the tenth above, which is never the one that `_round_down` gives."""
    return (math.floor(10 * accuracy) + 1) / 10 if accuracy < 1 else 1.0
