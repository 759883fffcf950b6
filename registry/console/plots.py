"""Plots as inline SVG: no script, no style of their own, their colors come from the style sheet."""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT = 720, 260
SMALL_WIDTH = 480                                     # of a timeline: two fit beside each other
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 30
SMALLEST_P = 1e-4                                     # the axis of p-values ends here


def bar(share: float, kind: str = "", title: str = "") -> Markup:
    """Draw a share as a thin bar."""
    width = 100 * min(max(share, 0.0), 1.0)
    return svg(100, 8, [f'<rect class="bar-back" width="100" height="8" rx="2"/>'
                         f'<rect class="bar {escape(kind)}" width="{width:.1f}" height="8" rx="2"/>'],
                title, "bar-plot", stretch=True)


def interval(value: float, low: float, high: float, other: tuple[float, float, float] | None,
             title: str) -> Markup:
    """Draw an estimate with its bounds, and another one's below it."""
    rows: list[tuple[float, float, float, str]] = [(value, low, high, "mark")]
    if other is not None:
        rows.append((*other, "other"))
    least, most = min(row[1] for row in rows), max(row[2] for row in rows)
    room = max((most - least) * 0.15, 0.01)
    start, length = max(least - room, 0), min(most + room, 1) - max(least - room, 0)
    drawn = []
    for line, (at, begin, end, kind) in enumerate(rows):
        x, x0, x1 = (200 * (each - start) / length for each in (at, begin, end))
        y = 8 + 12 * line
        drawn.append(f'<line class="whisker {kind}" x1="{x0:.1f}" x2="{x1:.1f}" y1="{y}" y2="{y}"/>'
                     f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y}" r="3.5"/>')
    return svg(200, 4 + 12 * len(rows), drawn, title, "interval-plot")


def sparkline(values: Sequence[float], title: str) -> Markup:
    """Draw a small line; fewer than two values draw nothing."""
    if len(values) < 2:
        return Markup("")
    least, most = min(values), max(values)
    spread = (most - least) or 1.0
    spots = [(120 * i / (len(values) - 1), 26 - 22 * (value - least) / spread) for i, value in enumerate(values)]
    return svg(120, 28, [f'<polyline class="line" points="{joined(spots)}"/>',
                          f'<circle class="dot mark" cx="{spots[-1][0]:.1f}" cy="{spots[-1][1]:.1f}" r="2.5"/>'],
                title, "spark-plot")


def learning_curve(curve: dict[str, Any], title: str) -> Markup:
    """Draw each arm's scores with its band over the number of labels (log scale), and the target."""
    arms = list(curve["arms"].items())
    rows = [row for _, arm in arms for row in arm["band"]] + [point for _, arm in arms for point in arm["points"]]
    sizes = [row["n_labels"] for row in rows]
    least, most = math.log10(max(min(sizes), 1)), math.log10(max(*sizes, 10))
    floor = max(math.floor(10 * min(row.get("low", row["accuracy"]) for row in rows)) / 10, 0.0)
    frame = Frame(least, most, floor, 1.0)
    drawn = [frame.grid_y([i / 10 for i in range(round(10 * floor), 11)]), frame.ticks_of_powers()]
    for number, (_, arm) in enumerate(arms):
        drawn.append(_arm(frame, arm, number))
    y = frame.y(curve["target"])
    drawn.append(f'<line class="target" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    x = frame.x(math.log10(max(curve["n_labels"], 1)))
    drawn.append(f'<line class="here" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    return svg(WIDTH, HEIGHT, drawn, title, "plot")


def drift_timeline(checks: Sequence[dict[str, Any]], alpha: float, title: str) -> Markup:
    """Draw p-values (log scale, smaller is higher) over the checks, oldest first; an alarm is filled."""
    frame = Frame(0, max(len(checks) - 1, 1), 0.0, -math.log10(SMALLEST_P), SMALL_WIDTH, 98)
    bottom = frame.height - 20
    y_alpha = frame.y_of(-math.log10(alpha), 6, bottom)
    drawn = [f'<line class="target" x1="{LEFT}" x2="{frame.right}" y1="{y_alpha:.1f}" y2="{y_alpha:.1f}"/>',
             f'<line class="axis" x1="{LEFT}" x2="{frame.right}" y1="{bottom}" y2="{bottom}"/>',
             label(LEFT - 9, y_alpha + 3, f"{alpha:g}", "end"), label(LEFT - 9, bottom, "1", "end"),
             label(LEFT, frame.height - 5, checks[0]["day"], "start")]
    if checks[-1]["day"] != checks[0]["day"]:
        drawn.append(label(frame.right, frame.height - 5, checks[-1]["day"], "end"))
    spots = [(frame.x(i), frame.y_of(-math.log10(max(check["p"], SMALLEST_P)), 6, bottom))
             for i, check in enumerate(checks)]
    drawn.append(f'<polyline class="line" points="{joined(spots)}"/>')
    for (x, y), check in zip(spots, checks, strict=True):
        kind = "alarm" if check["is_alarm"] else "quiet"
        drawn.append(f'<a href="{escape(check["href"])}" aria-label="{escape(check["says"])}">'
                     f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="4.5">'
                     f'<title>{escape(check["says"])}</title></circle></a>')
    return svg(SMALL_WIDTH, frame.height, drawn, title, "plot", role="group")   # of links; an image would hide them


def reliability(bins: Sequence[dict[str, float]], title: str) -> Markup:
    """Draw the accuracy of each bin of confidence against that confidence; the diagonal is perfect."""
    side, edge = 240, 34
    inner = side - edge - 10

    def spot(confidence: float, accuracy: float) -> tuple[float, float]:
        return edge + inner * confidence, 10 + inner * (1 - accuracy)

    drawn = [f'<line class="grid" x1="{edge}" x2="{edge + inner}" y1="{10 + inner * i / 4:.1f}" '
             f'y2="{10 + inner * i / 4:.1f}"/>' + label(edge - 6, 13 + inner * i / 4, f"{1 - i / 4:.2g}", "end")
             for i in range(5)]
    (x0, y0), (x1, y1) = spot(0, 0), spot(1, 1)
    drawn.append(f'<line class="target" x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}"/>')
    drawn += [label(edge + inner * i / 2, side - 8, f"{i / 2:g}", "middle") for i in range(3)]
    spots = [spot(each["confidence"], each["accuracy"]) for each in bins]
    drawn.append(f'<polyline class="line" points="{joined(spots)}"/>')
    drawn += [f'<circle class="dot mark" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{each["confidence"]:.2f} → '
              f'{each["accuracy"]:.2f} ({each["n_texts"]:.0f})</title></circle>'
              for (x, y), each in zip(spots, bins, strict=True)]
    return svg(side, side, drawn, title, "square-plot")


class Frame:
    """Maps values to places within the axes."""

    def __init__(self, x0: float, x1: float, y0: float, y1: float, width: float = WIDTH,
                 height: float = HEIGHT) -> None:
        self.x0, self.x1, self.y0, self.y1 = x0, max(x1, x0 + 1e-9), y0, max(y1, y0 + 1e-9)
        self.right, self.height = width - RIGHT, height

    def x(self, value: float) -> float:
        return LEFT + (self.right - LEFT) * (value - self.x0) / (self.x1 - self.x0)

    def y(self, value: float) -> float:
        return self.y_of(value, TOP, self.height - BOTTOM)

    def y_of(self, value: float, top: float, bottom: float) -> float:
        return bottom - (bottom - top) * (min(max(value, self.y0), self.y1) - self.y0) / (self.y1 - self.y0)

    def grid_y(self, values: Sequence[float]) -> str:
        return "".join(f'<line class="grid" x1="{LEFT}" x2="{self.right}" y1="{self.y(v):.1f}" '
                       f'y2="{self.y(v):.1f}"/>{label(LEFT - 6, self.y(v) + 3, f"{100 * v:.0f} %", "end")}'
                       for v in values)

    def ticks_of_powers(self) -> str:
        ticks = [base * 10**power for power in range(7) for base in (1, 2, 5)]
        return "".join(label(self.x(math.log10(tick)), self.height - 10, f"{tick:,}", "middle") for tick in ticks
                       if self.x0 <= math.log10(tick) <= self.x1)


def _arm(frame: Frame, arm: dict[str, Any], number: int) -> str:
    band = [(frame.x(math.log10(row["n_labels"])), row) for row in arm["band"] if row["n_labels"] >= 1]
    outline = [(x, frame.y(row["high"])) for x, row in band] + [(x, frame.y(row["low"])) for x, row in reversed(band)]
    middle = [(x, frame.y(row["accuracy"])) for x, row in band]
    dots = "".join(f'<circle class="dot arm{number}" cx="{frame.x(math.log10(max(point["n_labels"], 1))):.1f}" '
                   f'cy="{frame.y(point["accuracy"]):.1f}" r="3"/>' for point in arm["points"])
    return (f'<polygon class="band arm{number}" points="{joined(outline)}"/>'
            f'<polyline class="line arm{number}" points="{joined(middle)}"/>{dots}')


def joined(spots: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)


def label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def svg(width: float, height: float, drawn: Sequence[str], title: str, kind: str, stretch: bool = False,
        role: str = "img") -> Markup:
    named = f'role="{role}" aria-label="{escape(title)}"' if title else 'aria-hidden="true"'
    ratio = ' preserveAspectRatio="none"' if stretch else ""
    return Markup(f'<svg class="{kind}" viewBox="0 0 {width} {height}" {named}{ratio}>{"".join(drawn)}</svg>')
