"""Texts to token ids, with the very tokenizer the encoder was trained with."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain

import numpy as np
from tokenizers import Tokenizer

from serving.errors import UnfitBundle

# Its own threads would wait for cores that computation holds; a batch tokenizes in a millisecond on the caller's.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

MAX_TOKENS = 512                                      # a tokenizer that names no truncation is cut here
N_KEPT = 8                                            # tokenizers; 5 MB each


class TokenFeatures:
    """`texts -> {"input_ids", "attention_mask"}`, int64 (B, T) each, T the longest text of the batch."""

    inputs = ("input_ids", "attention_mask")

    def __init__(self, tokenizer_json: bytes) -> None:
        self.tokenizer, self.pad_id = _open(tokenizer_json)

    def __call__(self, texts: list[str]) -> dict[str, np.ndarray]:
        with unfit_if_broken("cannot be used"):
            ids = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        mask = np.arange(max(int(lengths.max(initial=0)), 1)) < lengths[:, None]              # (B, T)
        input_ids = np.full(mask.shape, self.pad_id, dtype=np.int64)
        input_ids[mask] = np.fromiter(chain.from_iterable(ids), dtype=np.int64, count=int(lengths.sum()))
        return {"input_ids": input_ids, "attention_mask": mask.astype(np.int64)}


@lru_cache(maxsize=N_KEPT)
def _open(tokenizer_json: bytes) -> tuple[Tokenizer, int]:
    """Return the tokenizer and the id it pads with; versions with the same tokenizer share one.

    Building it holds the interpreter's lock for 40 ms (30,000 words), which a hot swap would cost those who ask.
    """
    with unfit_if_broken("cannot be read"):
        tokenizer = Tokenizer.from_buffer(tokenizer_json)
    padding = json.loads(tokenizer_json).get("padding") or {}
    tokenizer.no_padding()                            # a batch is padded by its caller, and only as far as it needs
    if tokenizer.truncation is None:
        tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer, int(padding.get("pad_id", 0))


@contextmanager
def unfit_if_broken(what: str) -> Iterator[None]:
    """Raise what the Rust library raises as UnfitBundle: plain Exception, and its panics, which are none."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise UnfitBundle(f"tokenizer.json {what}: {' '.join(str(error).split())[:200]}") from error
