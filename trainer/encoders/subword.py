"""The `subword` encoder: hashed character n-grams and one table of vectors, pretrained on the texts at hand."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import Tensor, nn

from registry.artifacts.store import ArtifactStore
from registry.errors import RegistryError
from registry.text import normalize, text_hash
from serving.predictor import NgramConfig, NgramFeatures
from trainer.encoders.bodies import cached
from trainer.encoders.encoder import Encoder, digest_of
from trainer.encoders.pretraining import Part, pretrain
from trainer.encoders.transformer import license_of
from trainer.errors import EncoderError
from trainer.recipe import SubwordRecipe

MIN_TEXTS = 2
TABLE, NGRAMS = "table.safetensors", "ngrams.json"


class BagOfNgrams(nn.Module):
    """Sums the vectors of a text's n-grams; row 0 is padding.

    Each block of the sum is scaled to length 1 and loses what is usual of all texts, so
    that none outweighs another; the vector of all blocks has length 1.
    """

    def __init__(self, table: Tensor, usual: Tensor, widths: Tensor) -> None:
        super().__init__()
        self.table = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)
        self.usual: Tensor
        self.register_buffer("usual", usual)
        self.widths: list[int] = widths.tolist()

    def forward(self, ngram_ids: Tensor) -> Tensor:
        total = self.table(ngram_ids).sum(dim=1)                                          # (B, L, d) -> (B, d)
        blocks = zip(total.split(self.widths, dim=-1), self.usual.split(self.widths), strict=True)
        return F.normalize(torch.cat([F.normalize(F.normalize(block, dim=-1) - usual, dim=-1)
                                      for block, usual in blocks], dim=-1), dim=-1)


def subword(texts: Sequence[str], recipe: SubwordRecipe, seed: int, cache: Path,
            report: Callable[[float], None] = lambda _done: None) -> Encoder:
    """Pretrain on `texts`, or return what was pretrained on the very same before.

    `report` hears the share that is done and may raise to interrupt.
    """
    config = config_of(recipe)
    distinct = sorted({normalize(text) for text in texts} - {""})
    key = digest_of(config, repr(recipe).encode(), str(seed).encode(), *(text_hash(text).encode() for text in distinct))
    weights = cached(cache / "subword" / f"{key}.safetensors", lambda: made_of(distinct, recipe, seed, report))
    license_name = license_of(Path(recipe.contexts).expanduser()) if recipe.contexts else "none: pretrained here"
    return of_weights("subword", license_name, weights, config)


def subword_from(folder: Path) -> Encoder:
    """Return what `hypermatch encoder pretrain` left in `folder`; raises EncoderError unless it is whole."""
    files = _files(folder)
    return of_weights(f"subword:{folder}", license_of(folder), files[TABLE], files[NGRAMS])


def config_of(recipe: SubwordRecipe) -> bytes:
    """Return ngrams.json."""
    return NgramConfig(n_min=recipe.n_min, n_max=recipe.n_max, n_buckets=recipe.n_buckets, max_chars=recipe.max_chars,
                       is_lowercased=True, has_words=True, has_edges=True).model_dump_json().encode()


def made_of(distinct: Sequence[str], recipe: SubwordRecipe, seed: int, report: Callable[[float], None],
            part: Part = lambda _name, make: make()) -> bytes:
    """Return the weights learned from distinct normalized texts."""
    if len(distinct) < MIN_TEXTS:
        raise EncoderError(f"the subword encoder cannot be pretrained on {len(distinct)} texts",
                           "bank some texts or import labels first")
    context = context_of(Path(recipe.contexts).expanduser(), recipe) if recipe.contexts else None
    return save(pretrain(distinct, NgramFeatures(config_of(recipe)), recipe, seed, report, part, context))


def context_of(folder: Path, recipe: SubwordRecipe) -> Tensor:
    """Return the context block of a pretrained encoder; raises EncoderError unless it has the recipe's n-grams."""
    files = _files(folder)
    if files[NGRAMS] != config_of(recipe):
        raise EncoderError(f"the subword encoder in {folder} has other n-grams than the recipe",
                           "take n_min, n_max, n_buckets and max_chars from its card")
    weights = load(files[TABLE])
    return weights["table"][:, -int(weights["widths"][-1]) :]


def _files(folder: Path) -> Mapping[str, bytes]:
    try:
        files = ArtifactStore(str(folder.absolute().parent)).load(folder.name).files
        return {name: files[name] for name in (TABLE, NGRAMS)}
    except (RegistryError, KeyError) as error:
        raise EncoderError(f"there is no whole subword encoder in {folder} ({error})",
                           "`hypermatch encoder list` shows what there is") from error


def of_weights(name: str, license_name: str, weights: bytes, config: bytes) -> Encoder:
    """Return the encoder with these weights."""
    return Encoder(name=name, license=license_name, features="ngrams", features_file=config,
                   digest=digest_of(b"blocks of n-grams", weights, config),
                   build=lambda: BagOfNgrams(**load(weights)).eval())
