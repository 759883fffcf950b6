"""The stream of a task as its files' samples tell it: the reference, what came before it, and the newest window."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ingest.bank.commits import DataFile
from trainer.drift.counts import Counts, added
from trainer.drift.recipe import DriftRecipe
from trainer.drift.stretches import Banked, Stretch, Stretches

PAST_TEXTS = 12_000                                   # before the reference: enough windows to learn what is usual


@dataclass(frozen=True)
class Stream:
    """Texts, oldest first, and the stretches that were read for them."""

    past: list[Banked]
    reference: list[Banked]
    window: list[Banked]
    stretches: list[Stretch] = field(default_factory=list)

    def counts(self, part: Sequence[Banked]) -> Counts:
        """Count all rows of the stretches that a part was sampled from, those at its borders as a whole."""
        return added(each.counts for each in self.stretches
                     if part and part[0].banked_at <= each.ended_at and each.begun_at <= part[-1].banked_at)


def read_stream(stretches: Stretches, files: list[DataFile], trained_at: datetime | None,
                recipe: DriftRecipe) -> Stream:
    """Read as few files as the parts need.

    The reference is the newest texts banked up to `trained_at`, or without it the oldest
    of all. A text counts once among `window_texts` neighbors: by this rule of a fixed
    reach, windows and reference repeat themselves alike.
    """
    stretches.clear(files)
    reach = recipe.window_texts
    if trained_at is None:
        before, seen = _read(stretches, files, recipe.reference_texts, lambda _: True)
        trained_at = before[-1].banked_at if before else None
    else:
        older = [file for file in reversed(files) if file.first_at <= trained_at]
        before, seen = _read(stretches, older, recipe.reference_texts + PAST_TEXTS + reach,
                             lambda text: text.banked_at <= trained_at, is_backward=True)
    newer = [file for file in reversed(files) if trained_at is None or file.end_at > trained_at]
    after, also = _read(stretches, newer, 2 * reach, lambda text: trained_at is None or text.banked_at > trained_at,
                        is_backward=True)
    old = distinct(before, reach)
    n_past = max(len(old) - recipe.reference_texts, 0)
    kept = {id(each): each for each in [*seen, *also]}
    return Stream(old[:n_past], old[n_past:], distinct(after, reach)[-recipe.window_texts :],
                  sorted(kept.values(), key=lambda each: each.begun_at))


def distinct(texts: Iterable[Banked], reach: int) -> list[Banked]:
    """Leave out each text that is among the last `reach` which were kept."""
    kept: list[Banked] = []
    last: dict[str, int] = {}
    for text in texts:
        if len(kept) - last.get(text.hash, -reach) >= reach:
            last[text.hash] = len(kept)
            kept.append(text)
    return kept


def _read(stretches: Stretches, files: Iterable[DataFile], n: int, is_wanted: Callable[[Banked], bool], *,
          is_backward: bool = False) -> tuple[list[Banked], list[Stretch]]:
    """Return at least n wanted texts if there are so many, oldest first, and the stretches they came from."""
    parts: list[list[Banked]] = []
    seen: list[Stretch] = []
    for file in files:
        found = stretches.of(file)
        for stretch in reversed(found) if is_backward else found:
            if sum(map(len, parts)) >= n:
                return _in_order(parts, is_backward), seen
            parts.append([text for text in stretch.sample if is_wanted(text)])
            seen.append(stretch)
    return _in_order(parts, is_backward), seen


def _in_order(parts: list[list[Banked]], is_backward: bool) -> list[Banked]:
    return [text for part in (reversed(parts) if is_backward else parts) for text in part]
