"""Renews the generated part of a page in docs/, which stands between two marks."""

from pathlib import Path

from registry.errors import HyperMatchError


def marks(name: str) -> tuple[str, str]:
    """Return what stands before and behind the generated part of that name."""
    return f"<!-- {name} -->\n", f"<!-- end of {name} -->"


def renew(page: Path, name: str, text: str) -> None:
    """Put `text` between the marks of `name`; raises HyperMatchError if the page has none."""
    begin, end = marks(name)
    told = page.read_text(encoding="utf-8") if page.exists() else ""
    if begin not in told or end not in told:
        raise HyperMatchError(f"{page} has no place for the tables",
                              f"put {begin.strip()} and {end} on lines of their own")
    before, rest = told.split(begin)
    page.write_text(before + begin + text + end + rest.split(end)[1], encoding="utf-8")
