"""Golden texts: a fixed, seeded choice that every server must answer as the export did."""

from collections.abc import Sequence

import numpy as np

# Scripts, lengths and oddities that have tripped tokenizers.
EDGE_TEXTS = (
    "?", "I want my money back NOW!!!", "카드를 잃어버렸어요. 어떻게 해야 하나요?", "お金を返してください",
    "¿Dónde está mi tarjeta?", "Где мои деньги?", "naïve café — 50 € 🙂", "what is the exchange rate " * 20,
)

# Largest difference of a probability between machines. fp32: another order of additions. int8: activations are
# quantized per batch, so an answer depends a little on the texts beside it. fp16: 11 bits of mantissa.
TOLERANCE = {"fp32": 0.002, "int8": 0.1, "fp16": 0.03}


def golden_texts(train_texts: Sequence[str], n: int, seed: int) -> list[str]:
    """Return at most `n` of the training texts, never a gate text, and the edge texts."""
    distinct = sorted(set(train_texts))
    rows = np.random.default_rng(seed).permutation(len(distinct))[:n]
    return [distinct[row] for row in sorted(rows)] + list(EDGE_TEXTS)
