"""Draws what discovery reaches by how many classes are known, K given and estimated, as an SVG."""

from collections.abc import Sequence
from html import escape
from typing import Any

from infra.bench.plots import BOTTOM, COLORS, HEIGHT, INK, LEFT, RIGHT, TOP, WIDTH

LOW, HIGH = 0.4, 1.0                                  # ACC on the axis
SHARES = (0.25, 0.5, 0.75)
FLIGHT = 5                                            # pixels by which lines stand beside each other
Found = dict[str, Any]                                # what `hypermatch bench discovery --json` wrote


def plot(found: Sequence[Found]) -> str:
    """Return an SVG: a line per set, way to look and way to know K, a dot per draw.

    Dashed is where K was estimated, faint where no tuned encoder looked again.
    """
    lines: dict[tuple[str, bool, bool], list[Found]] = {}
    for each in found:
        lines.setdefault((each["data"], each["tuned"], each["k"] is not None), []).append(each)
    sets = list(dict.fromkeys(name for name, _, _ in lines))
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
             f'<text x="{LEFT}" y="18" font-size="14">classes found beside known ones in one or two looks</text>',
             *_grid()]
    order = sorted(lines, key=lambda line: (line[0], not line[1], not line[2]))
    for number, (name, is_tuned, is_given) in enumerate(order):
        told = f"{name}, {'two' if is_tuned else 'one'}{', K given' if is_given else ''}"
        parts += [f'<g opacity="{1 if is_tuned else 0.45}">', *_line(
            told, lines[name, is_tuned, is_given], COLORS[sets.index(name)], is_given, number), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _place(share: float, acc: float) -> tuple[float, float]:
    across = (share - SHARES[0] + 0.08) / (SHARES[-1] - SHARES[0] + 0.16)
    return (LEFT + across * (WIDTH - LEFT - RIGHT - 40),
            TOP + (HIGH - acc) / (HIGH - LOW) * (HEIGHT - TOP - BOTTOM))


def _grid() -> list[str]:
    parts, right = [], WIDTH - RIGHT - 40
    for tenth in range(round(10 * LOW), round(10 * HIGH) + 1):
        _, y = _place(SHARES[0], tenth / 10)
        parts += [f'<line x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" opacity=".25"/>',
                  f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10:.1f}</text>']
    parts += [f'<text x="{_place(share, LOW)[0]:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
              f'{share:.0%}</text>' for share in SHARES]
    return [*parts, f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 8}" text-anchor="middle">classes known</text>',
            f'<text transform="translate(14 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">ACC on test texts</text>']


def _line(name: str, own: Sequence[Found], color: str, is_given: bool, number: int) -> list[str]:
    own, dash = sorted(own, key=lambda each: each["known_ratio"]), "" if is_given else ' stroke-dasharray="5 4"'
    aside = -FLIGHT if is_given else FLIGHT
    points = " ".join("{:.1f},{:.1f}".format(*_place(each["known_ratio"], each["mean"]["acc"])) for each in own)
    dots = [_place(each["known_ratio"], draw["acc"]) for each in own for draw in each["draws"]]
    x, y = WIDTH - RIGHT - 34, TOP + 10 + 20 * number
    return [f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>',
            *(f'<circle cx="{x + aside:.1f}" cy="{y:.1f}" r="2.5" fill="{color}" opacity=".6"/>' for x, y in dots),
            f'<line x1="{x}" x2="{x + 18}" y1="{y - 4}" y2="{y - 4}" stroke="{color}" stroke-width="2"{dash}/>',
            f'<text x="{x + 24}" y="{y}" font-size="10">{escape(name)}</text>']
