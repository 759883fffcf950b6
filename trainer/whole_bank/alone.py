"""Works on the chunks of the bank in this process, one after the other."""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from trainer.whole_bank.chunks import BankTexts, Done, Report, Work


def in_this_process(texts: BankTexts, make: Callable[[], Work], report: Report) -> Iterator[Done]:
    """Yield what the work makes of each chunk; `report` hears the share that is done and may raise to interrupt."""
    report(0.0)
    found, work = texts.distinct(), make()
    numbers = texts.numbers(found["text_hash"])       # ascending, as the hashes are
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    for start, end in pairwise([*starts.tolist(), len(found)]):
        yield Done(end - start, work(found.slice(start, end - start)))
        report(end / len(found))
