"""Plots over time: shares of labels from look to look, texts per day."""

from collections.abc import Sequence
from datetime import date, timedelta

from markupsafe import Markup, escape

from registry.console.plots import BOTTOM, LEFT, TOP, Frame, joined, label, svg
from registry.console.series import Series

MAX_BARS = 45
WIDE, HIGH = 980, 230                                 # over the whole page
NARROW, LOW = 340, 120                                # beside something else


def shares(series: Sequence[Series], days: Sequence[date], title: str) -> Markup:
    """Draw shares that add up to one as layers over the looks, the first one lowest."""
    frame = Frame(0, max(len(days) - 1, 1), 0.0, 1.0, WIDE, HIGH)
    drawn = [frame.grid_y([0, 0.25, 0.5, 0.75, 1])]
    below = [0.0] * len(days)
    for each in series:
        above = [low + share for low, share in zip(below, each.values, strict=True)]
        outline = [(frame.x(i), frame.y(value)) for i, value in enumerate(above)]
        outline += [(frame.x(i), frame.y(value)) for i, value in reversed(list(enumerate(below)))]
        drawn.append(f'<polygon class="layer {each.color}" points="{joined(outline)}"><title>{escape(each.name)}: '
                     f"{100 * each.values[0]:.1f} % → {100 * each.values[-1]:.1f} %</title></polygon>")
        below = above
    return svg(WIDE, HIGH, [*drawn, *_ends(days[0], days[-1], frame.right, HIGH)], title, "plot")


def per_day(counts: dict[date, int], title: str) -> Markup:
    """Draw the texts of each day as bars, days without any too, at most MAX_BARS days; older ones are left out."""
    last = max(counts)
    first = max(min(counts), last - timedelta(days=MAX_BARS - 1))
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    most = max(counts.get(day, 0) for day in days)
    frame = Frame(0, len(days), 0.0, most, NARROW, LOW)
    width = min(max((frame.x(1) - frame.x(0)) * 0.8, 1.0), 24.0)
    drawn = [f'<line class="axis" x1="{LEFT}" x2="{frame.right}" y1="{frame.y(0):.1f}" y2="{frame.y(0):.1f}"/>',
             label(LEFT - 6, TOP + 8, f"{most:,}", "end"), label(LEFT - 6, frame.y(0), "0", "end")]
    for i, day in enumerate(days):
        y = frame.y(counts.get(day, 0))
        drawn.append(f'<rect class="bar" x="{frame.x(i):.1f}" width="{width:.1f}" y="{y:.1f}" '
                     f'height="{frame.y(0) - y:.1f}" rx="1.5"><title>{day}: {counts.get(day, 0):,}</title></rect>')
    return svg(NARROW, LOW, [*drawn, *_ends(days[0], days[-1], frame.right, LOW)], title, "plot")


def _ends(first: date, last: date, right: float, height: float) -> list[str]:
    ends = [label(LEFT, height - BOTTOM + 20, f"{first}", "start")]
    return ends if first == last else [*ends, label(right, height - BOTTOM + 20, f"{last}", "end")]
