"""Turns values into what people read: escaped texts, numbers, times, words; and opens the templates."""

import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from registry.console import plots, timelines
from registry.console.assets import FOLDER, asset
from registry.console.words import Words

TEMPLATES = Path(__file__).parent / "templates"
# what hides or turns a text around: controls, zero widths, direction marks, odd spaces, tags
_UNSEEN = re.compile("[\x00-\x1f\x7f-\xa0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
                     "\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
                     "\U000e0000-\U000e0fff]")
_PLAIN_SPACES = "\u3000"                              # ordinary in Korean and Japanese text
AGO = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


def make_pages() -> Environment:
    """Return the templates; everything is escaped, and a forgotten value is an error."""
    pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                        trim_blocks=True, lstrip_blocks=True)
    pages.filters.update(visible=visible, number=number, percent=percent, points=points, size=size, stamp=stamp,
                         exactly=exactly, ago=ago, short=short, pretty=pretty, name=breakable, plain=plain, some=some,
                         sum_of_parts=sum_of_parts)
    assets = {path.name: asset(path.name) for path in FOLDER.iterdir() if path.is_file()}
    pages.globals.update(plots=plots, timelines=timelines, query=query, assets=assets)
    return pages


def told(words: Words, language: str, key: str, values: dict[str, Any]) -> str:
    """Return a text of the catalog with its values filled in; raises KeyError for a key that there is not."""
    text = words[language][key]
    if any(isinstance(value, Markup) for value in values.values()):
        return Markup(text).format(**values)          # ours is plain, theirs is escaped
    return text.format(**values) if values else text


def visible(text: object, most: int = 0) -> Markup:
    """Return a hostile text as it is: escaped, cut on request, each hidden character shown by its number."""
    given = str(text)
    shown = given if not most or len(given) <= most else given[: most - 1] + "…"
    pieces, done = [], 0
    for found in _UNSEEN.finditer(shown):
        pieces += [escape(shown[done : found.start()]), _mark(found.group())]
        done = found.end()
    return Markup("<bdi>{}</bdi>").format(Markup("").join([*pieces, escape(shown[done:])]))


def shown(text: str) -> str:
    """Return a hostile text for script to show: each hidden character by its number, nothing escaped."""
    return _UNSEEN.sub(lambda found: found.group() if found.group() in _PLAIN_SPACES
                       else f"⟨U+{ord(found.group()):04X}⟩", text)


def breakable(text: object, most: int = 90) -> Markup:
    """Return the name of a class as `visible` does; long ones break behind their underscores."""
    return Markup(str(visible(text, most)).replace("_", "_<wbr>"))


@pass_context
def plain(context: Context, value: object) -> str:
    """Return a setting or a report as people write it, not as Python does."""
    if isinstance(value, bool):
        return str(context["t"]("yes" if value else "no"))
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(context, each)}" for key, each in value.items()) or "–"
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return "–" if value in ("", None) else str(context["said"](value))


def number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def points(difference: float | None) -> str:
    """Return a difference of two shares in percentage points."""
    return "–" if difference is None else f"{100 * difference:+.1f}".replace("-", "−")


def size(n_bytes: float | None) -> str:
    if n_bytes is None:
        return "–"
    unit, power = next(((unit, power) for unit, power in (("MiB", 20), ("KiB", 10)) if n_bytes >= 2**power), ("B", 0))
    return f"{n_bytes / 2**power:,.1f} {unit}" if power else f"{n_bytes:,.0f} B"


def stamp(at: datetime | None) -> Markup:
    """Return a point in time to the minute, in UTC."""
    if at is None:
        return Markup("–")
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), at.strftime("%Y-%m-%d %H:%M"))


def exactly(at: datetime) -> Markup:
    """Return a point in time to the second, in UTC."""
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), at.strftime("%Y-%m-%d %H:%M:%S"))


@pass_context
def ago(context: Context, at: datetime | None) -> Markup:
    """Return how long ago something was; the exact time is told on hover and to readers."""
    if at is None:
        return Markup("–")
    seconds = (context["now"] - at).total_seconds()
    unit, length = next(((unit, length) for unit, length in AGO if abs(seconds) >= length), ("now", 1))
    key = f"time.{unit}" if seconds >= 0 or unit == "now" else f"time.in_{unit}"
    says = context["t"](key) if unit == "now" else context["t"](key, n=int(abs(seconds) // length))
    return Markup('<time datetime="{0}" title="{1} UTC">{2}</time>').format(
        at.isoformat(), at.strftime("%Y-%m-%d %H:%M:%S"), says)


def pretty(value: object) -> Markup:
    """Return a value as indented JSON, its hidden characters shown."""
    lines = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True).split("\n")
    return Markup("\n").join(visible(line) for line in lines)


def sum_of_parts(parts: dict[str, int]) -> int:
    return sum(parts.values())


def some(names: Sequence[str], most: int = 8) -> str:
    """Return names one after the other, and how many more there are than `most`."""
    more = f" +{len(names) - most}" if len(names) > most else ""
    return ", ".join(names[:most]) + more or "–"


def short(digest: str | None) -> str:
    return (digest or "–")[:12]


@pass_context
def query(context: Context, **changes: Any) -> str:
    """Return the query of this page with some values changed, to link to another page, order or filter."""
    now = {name: value for name, value in context["visit"].request.query_params.items() if name not in ("done", "n")}
    merged = {name: value for name, value in (now | changes).items() if value not in ("", None)}
    return f"?{urlencode(merged)}" if merged else "?"


def _mark(character: str) -> Markup:
    if character in _PLAIN_SPACES:
        return Markup(character)
    name = unicodedata.name(character, "control character")
    return Markup('<span class="unseen" title="{}">U+{:04X}</span>').format(name, ord(character))
