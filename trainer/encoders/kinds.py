"""Opens the encoder that a recipe names."""

from collections.abc import Callable, Sequence
from pathlib import Path

from trainer.encoders.encoder import Encoder
from trainer.encoders.subword import subword, subword_from
from trainer.encoders.transformer import hugging_face, minilm
from trainer.recipe import Recipe


def open_encoder(recipe: Recipe, texts: Sequence[str], cache: Path,
                 report: Callable[[float], None] = lambda _done: None) -> Encoder:
    """Return the recipe's encoder; `texts` are what `subword` is pretrained on, the others ignore them."""
    if recipe.encoder == "minilm":
        return minilm(recipe.max_tokens)
    if recipe.encoder == "subword":
        return subword(texts, recipe.subword, recipe.seed, cache, report)
    if recipe.encoder.startswith("subword:"):
        return subword_from(Path(recipe.encoder.removeprefix("subword:")).expanduser())
    return hugging_face(recipe.encoder, recipe.max_tokens)
