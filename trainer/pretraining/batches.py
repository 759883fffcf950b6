"""Token ids in batches of similar length, in one order per seed, and the views of them that are learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from trainer.pretraining.tokenizer import BEGIN, END, MASK, SPECIAL

POOL_BATCHES = 50                                     # sorted by length together: enough to hardly pad
ENCODED_TEXTS = 10_000                                # at a time
KEPT_SHARE = OTHER_SHARE = 0.1                        # of the masked places (BERT, arXiv 1810.04805)


@dataclass(frozen=True)
class Corpus:
    """The token ids of each text, without the tokens that mark begin and end."""

    ids: list[np.ndarray]
    tokenizer: Tokenizer

    @classmethod
    def of(cls, texts: Sequence[str], tokenizer_json: bytes, max_tokens: int) -> "Corpus":
        """Encode; texts without any token teach nothing and are left out."""
        tokenizer = Tokenizer.from_buffer(tokenizer_json)
        tokenizer.enable_truncation(max_tokens - 2)
        ids: list[np.ndarray] = []
        for start in range(0, len(texts), ENCODED_TEXTS):
            found = tokenizer.encode_batch(list(texts[start : start + ENCODED_TEXTS]), add_special_tokens=False)
            ids += [np.array(each.ids, np.int64) for each in found if each.ids]
        return cls(ids, tokenizer)

    def __len__(self) -> int:
        return len(self.ids)

    def epoch(self, batch_rows: int, seed: int) -> list[np.ndarray]:
        """Return the rows of each batch, in the order to learn from them; what does not fill a batch is left out."""
        generator = np.random.default_rng(seed)
        order, lengths = generator.permutation(len(self)), np.array([len(each) for each in self.ids])
        pools = (order[start : start + batch_rows * POOL_BATCHES]
                 for start in range(0, len(order), batch_rows * POOL_BATCHES))
        ordered = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
        n_batches = max(len(ordered) // batch_rows, 1)
        batches = [ordered[number * batch_rows : (number + 1) * batch_rows] for number in range(n_batches)]
        return [batches[number] for number in generator.permutation(n_batches)]

    def whole(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the ids (B, T) of whole texts and which of them are real."""
        return self._padded([self.ids[row] for row in rows])

    def crops(self, rows: np.ndarray, least_share: float, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return one run of each text's tokens, of a random length from `least_share` on and at a random place."""
        found = []
        for row in rows:
            ids = self.ids[row]
            length = int(np.ceil(len(ids) * generator.uniform(least_share, 1)))
            start = generator.integers(len(ids) - length + 1)
            found.append(ids[start : start + length])
        return self._padded(found)

    def _padded(self, texts: list[np.ndarray]) -> tuple[Tensor, Tensor]:
        begin, end = SPECIAL.index(BEGIN), SPECIAL.index(END)
        ids = np.zeros((len(texts), max(map(len, texts)) + 2), np.int64)
        for row, text in enumerate(texts):
            ids[row, : len(text) + 2] = [begin, *text, end]
        return torch.from_numpy(ids), torch.from_numpy((ids != 0).astype(np.int64))

    def masked(self, ids: Tensor, share: float, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the ids with a share of the words hidden, and where (B, T); one word at least."""
        is_word = ids.numpy() >= len(SPECIAL)
        chances = np.where(is_word, generator.random(ids.shape), 2.0)
        is_hidden = chances < max(share, chances.min() + 1e-9)
        fate = generator.random(ids.shape)
        hidden = np.where(fate < OTHER_SHARE, generator.integers(len(SPECIAL), self.n_tokens, ids.shape),
                          np.where(fate < OTHER_SHARE + KEPT_SHARE, ids.numpy(), SPECIAL.index(MASK)))
        return torch.from_numpy(np.where(is_hidden, hidden, ids.numpy())), torch.from_numpy(is_hidden)

    @property
    def n_tokens(self) -> int:
        return int(self.tokenizer.get_vocab_size())
