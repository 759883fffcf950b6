"""Draws p99 over the rate that was answered, one line for each server, as an SVG that reads on light and dark paper."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from infra.bench.plots import BOTTOM, COLORS, HEIGHT, INK, LEFT, RIGHT, TOP, WIDTH

Points = Sequence[tuple[float, float]]                # texts/s, p99 in ms


def latency_plot(title: str, lines: Mapping[str, Points]) -> str:
    """Return an SVG; latencies run logarithmically over whole powers of ten."""
    points = [point for line in lines.values() for point in line]
    x_high = max(x for x, _ in points) * 1.05
    lows = [math.log10(y) for _, y in points]
    y_low, y_high = math.floor(min(lows)), max(math.ceil(max(lows)), math.floor(min(lows)) + 1)

    def place(x: float, y: float) -> tuple[float, float]:
        return (LEFT + x / x_high * (WIDTH - LEFT - RIGHT),
                TOP + (y_high - math.log10(y)) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
             f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>']
    for power in range(y_low, y_high + 1):
        _, y = place(0, 10.0**power)
        parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" opacity=".25"/>',
                  f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10**power:g}</text>']
    for x_value in _round_steps(x_high):
        x, _ = place(x_value, 10.0**y_low)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x_value:g}</text>')
    for number, (name, line) in enumerate(lines.items()):
        parts += _line(name, [place(x, y) for x, y in sorted(line)], COLORS[number % len(COLORS)], number)
    middle = (LEFT + WIDTH - RIGHT) / 2
    return "\n".join([*parts, f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">texts/s</text>',
                      f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">p99, ms</text>',
                      "</svg>"]) + "\n"


def _line(name: str, points: Points, color: str, number: int) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    key_y = TOP + 10 + 20 * number
    return [f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in points),
            f'<rect x="{WIDTH - RIGHT + 16}" y="{key_y - 9}" width="10" height="10" fill="{color}"/>',
            f'<text x="{WIDTH - RIGHT + 32}" y="{key_y}">{escape(name)}</text>']


def _round_steps(high: float) -> list[float]:
    """Return four to nine round values from 0 to `high`."""
    step = 10.0 ** math.floor(math.log10(high / 4))
    step *= max(factor for factor in (1, 2, 5) if factor * step <= high / 4)
    return [number * step for number in range(int(high / step) + 1)]
