"""Draws a watched stream as an SVG: accuracy as it was and as it was estimated, and the windows that alarmed."""

from collections.abc import Sequence
from html import escape
from typing import Any

from infra.bench.plots import BOTTOM, COLORS, HEIGHT, INK, LEFT, RIGHT, TOP, WIDTH

ALARM = "#d1495b"
N_DATES = 5


def timeline(title: str, windows: Sequence[dict[str, Any]]) -> str:
    """Return an SVG with one place per window, in the order they came."""
    low = min(min(each["accuracy"], each["low"]) for each in windows)
    floor = max(int(low * 10) / 10, 0.0)

    def across(index: float) -> float:
        return LEFT + (index + 0.5) / len(windows) * (WIDTH - LEFT - RIGHT)

    def up(value: float) -> float:
        return TOP + (1 - value) / (1 - floor) * (HEIGHT - TOP - BOTTOM)

    def line(name: str, color: str, dash: str = "") -> str:
        points = " ".join(f"{across(i):.1f},{up(each[name]):.1f}" for i, each in enumerate(windows))
        return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>'

    band = " ".join([*(f"{across(i):.1f},{up(each['high']):.1f}" for i, each in enumerate(windows)),
                     *(f"{across(i):.1f},{up(windows[i]['low']):.1f}" for i in reversed(range(len(windows))))])
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
             f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>',
             *_alarms(windows, across), *_grid(floor, up), *_dates(windows, across),
             f'<polygon points="{band}" fill="{COLORS[0]}" opacity=".15"/>',
             line("unchanged", INK, ' stroke-dasharray="4 4"'), line("estimated", COLORS[0]),
             line("accuracy", COLORS[2])]
    return "\n".join([*parts, *_key(), "</svg>"]) + "\n"


def _alarms(windows: Sequence[dict[str, Any]], across: Any) -> list[str]:
    width = (WIDTH - LEFT - RIGHT) / len(windows)
    return [f'<rect x="{across(i) - width / 2:.1f}" y="{TOP}" width="{width:.2f}" height="{HEIGHT - TOP - BOTTOM}" '
            f'fill="{ALARM}" opacity=".18"/>' for i, each in enumerate(windows) if each["alarm"]]


def _grid(floor: float, up: Any) -> list[str]:
    parts = []
    for tenth in range(round(10 * floor), 11):
        y = up(tenth / 10)
        parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" opacity=".25"/>',
                  f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>']
    return [*parts, f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">accuracy</text>']


def _dates(windows: Sequence[dict[str, Any]], across: Any) -> list[str]:
    step = max(1, -(-len(windows) // N_DATES))
    return [f'<text x="{across(i):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
            f'{windows[i]["from"] or f"window {i + 1}"}</text>' for i in range(0, len(windows), step)]


def _key() -> list[str]:
    told = (("as it was", COLORS[2]), ("estimated", COLORS[0]), ("if unchanged", INK), ("alarm", ALARM))
    return [part for number, (name, color) in enumerate(told) for part in (
        f'<rect x="{WIDTH - RIGHT + 16}" y="{TOP + 1 + 20 * number}" width="10" height="10" fill="{color}"/>',
        f'<text x="{WIDTH - RIGHT + 32}" y="{TOP + 10 + 20 * number}">{name}</text>')]
