"""Pretrains an encoder, or takes an unfinished one up again, and keeps it with its card."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from registry.text import NORMALIZATION_VERSION
from trainer.encoders.encoder import digest_of
from trainer.encoders.subword import NGRAMS, TABLE, config_of, made_of
from trainer.pretraining.card import NOT_STATED, Card
from trainer.pretraining.checkpoints import Checkpoints
from trainer.pretraining.kept import Kept, keep
from trainer.pretraining.texts import Texts
from trainer.pretraining.transformer import pretrain_transformer
from trainer.recipe import Recipe
from trainer.workplace import Workplace

UNFINISHED = "unfinished"

Report = Callable[[float], None]


def pretrain_encoder(workplace: Workplace, root: Path, texts: Texts, kind: str, recipe: Recipe, *, name: str,
                     inputs_license: str, report: Report) -> Kept:
    """Return the kept encoder; the same texts, recipe and seed take up what an interrupted run left in `root`."""
    section = asdict(recipe.subword if kind == "subword" else recipe.transformer)
    key = digest_of(kind.encode(), repr(section).encode(), str(recipe.seed).encode(), texts.digest.encode())
    checkpoints = Checkpoints(root / UNFINISHED / key[:32])
    files, facts = _made(kind, texts.texts, recipe, checkpoints, report)
    card = Card(name=name, kind=kind, created_at=workplace.now().isoformat(timespec="seconds"),
                inputs_license=inputs_license or NOT_STATED, sources=texts.sources, n_texts=len(texts.texts),
                n_gate_texts_left_out=texts.n_gate_texts_left_out, texts_digest=texts.digest,
                normalization_version=NORMALIZATION_VERSION, seed=recipe.seed, recipe=section,
                code_revision=workplace.code_revision, facts=facts)
    kept = keep(root, files, card)
    checkpoints.clear()
    return kept


def _made(kind: str, texts: list[str], recipe: Recipe, checkpoints: Checkpoints,
          report: Report) -> tuple[dict[str, bytes], dict[str, Any]]:
    if kind == "transformer":
        return pretrain_transformer(texts, recipe.transformer, recipe.seed, checkpoints, report)
    subword = recipe.subword
    weights = made_of(texts, subword, recipe.seed, report, checkpoints.kept)
    width = subword.dimensions + subword.context_dimensions
    return {TABLE: weights, NGRAMS: config_of(subword)}, {"n_parameters": width * (subword.n_buckets + 1)}
