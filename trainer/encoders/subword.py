"""The `subword` encoder: hashed character n-grams and one table of vectors, pretrained on the texts at hand."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load, save
from torch import Tensor, nn

from registry.text import normalize, text_hash
from serving.predictor import NgramConfig, NgramFeatures
from trainer.encoders.bodies import cached
from trainer.encoders.encoder import Encoder, digest_of
from trainer.encoders.pretraining import pretrain
from trainer.errors import EncoderError
from trainer.recipe import SubwordRecipe

MIN_TEXTS = 2


class BagOfNgrams(nn.Module):
    """Sums the vectors of a text's n-grams and scales the sum to length 1; row 0 is padding."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)

    def forward(self, ngram_ids: Tensor) -> Tensor:
        total = self.table(ngram_ids).sum(dim=1)                                          # (B, L, d) -> (B, d)
        return F.normalize(total, dim=-1)


def subword(texts: Sequence[str], recipe: SubwordRecipe, seed: int, cache: Path,
            report: Callable[[float], None] = lambda _done: None) -> Encoder:
    """Pretrain on `texts`, or return what was pretrained on the very same before.

    `report` hears the share that is done and may raise to interrupt.
    """
    config = NgramConfig(n_min=recipe.n_min, n_max=recipe.n_max, n_buckets=recipe.n_buckets,
                         max_chars=recipe.max_chars, is_lowercased=True, has_words=True,
                         has_edges=True).model_dump_json().encode()
    distinct = sorted({normalize(text) for text in texts} - {""})
    if len(distinct) < MIN_TEXTS:
        raise EncoderError(f"the subword encoder cannot be pretrained on {len(distinct)} texts",
                           "bank some texts or import labels first")
    key = digest_of(config, repr(recipe).encode(), str(seed).encode(), *(text_hash(text).encode() for text in distinct))
    weights = cached(cache / "subword" / f"{key}.safetensors",
                     lambda: save({"table": pretrain(distinct, NgramFeatures(config), recipe, seed, report)}))
    return of_weights(weights, config)


def of_weights(weights: bytes, config: bytes) -> Encoder:
    """Return the encoder with this table of vectors."""
    return Encoder(name="subword", license="none: pretrained here", features="ngrams", features_file=config,
                   digest=digest_of(b"bag of n-grams", weights, config),
                   build=lambda: BagOfNgrams(load(weights)["table"]).eval())
