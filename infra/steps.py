"""Shows the steps of long work as bars on a terminal, and nothing where nobody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def steps() -> Iterator[Callable[[str, int, int], None]]:
    """Yield what shows a step: its name, how much of it is done, and of how much."""
    bars: dict[str, tqdm] = {}

    def report(step: str, done: int, total: int) -> None:
        bar = bars.get(step) or bars.setdefault(step, tqdm(desc=step, total=total, unit="", disable=None))
        bar.n = done
        bar.refresh()

    try:
        yield report
    finally:
        for bar in bars.values():
            bar.close()
