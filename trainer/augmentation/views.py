"""What every view provider offers: other texts that should say the same as the ones it is given."""

from collections.abc import Callable, Sequence
from typing import Protocol

Report = Callable[[float], None]


def silent(_done: float) -> None:
    """Tell nobody."""


class ViewProvider(Protocol):
    """Makes views of texts. The same seed makes the same views of a text, whatever texts stand beside it."""

    @property
    def name(self) -> str: ...

    def views(self, texts: Sequence[str], n: int, seed: int, report: Report = silent) -> list[list[str]]:
        """Return, for each text, at most `n` views that differ from it and from one another."""
        ...


def distinct(views: Sequence[str], text: str, n: int) -> list[str]:
    """Return the first `n` different views that are not the text itself; letter case and spacing make no view."""
    found = {_bare(view): view for view in reversed(views) if view.strip()}
    found.pop(_bare(text), None)
    return list(reversed(found.values()))[:n]


def _bare(text: str) -> str:
    return " ".join(text.casefold().split())
