"""Two views of a text: the weak one is the text, the strong one lacks words and has some out of order."""

import numpy as np

MIN_WORDS = 3                                         # a shorter text has no word to spare


def strong_view(text: str, edited_share: float, generator: np.random.Generator) -> str:
    """Return `text` without `edited_share` of its words, and as likely for each with two neighbors swapped."""
    words = text.split()
    if len(words) < MIN_WORDS or edited_share == 0:
        return text
    is_kept = generator.random(len(words)) >= edited_share
    kept = [word for word, stays in zip(words, is_kept, strict=True) if stays] or words[:1]
    if len(kept) > 1 and generator.random() < edited_share * len(kept) / 2:
        first = int(generator.integers(len(kept) - 1))
        kept[first], kept[first + 1] = kept[first + 1], kept[first]
    return " ".join(kept)
