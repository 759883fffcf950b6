"""Pretrains a small transformer: it learns to guess masked words, then to tell two crops of one text from others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

from trainer.encoders.pretraining import info_nce
from trainer.encoders.transformer import WEIGHTS, MeanPooled
from trainer.errors import EncoderError, Interrupted
from trainer.pretraining.batches import Corpus
from trainer.pretraining.checkpoints import Checkpoints
from trainer.pretraining.recipe import TransformerRecipe
from trainer.pretraining.tokenizer import train_tokenizer

MIN_TEXTS = 16
WARM_UP_SHARE = 0.06                                  # of a phase, in which the learning rate rises
MAX_GRADIENT = 1.0
LOSS_MEMORY = 0.98                                    # of the running mean that the card shows


class MaskedWords(nn.Module):
    """A transformer and the layer that guesses its masked words; the word vectors serve both ends."""

    def __init__(self, body: nn.Module, dimensions: int, n_tokens: int) -> None:
        super().__init__()
        self.body = body
        self.transform = nn.Sequential(nn.Linear(dimensions, dimensions), nn.GELU(), nn.LayerNorm(dimensions))
        self.bias = nn.Parameter(torch.zeros(n_tokens))

    def loss(self, ids: Tensor, is_real: Tensor, shown: Tensor, is_hidden: Tensor) -> Tensor:
        """Return the cross-entropy of the hidden words."""
        hidden = self.body(input_ids=shown, attention_mask=is_real).last_hidden_state[is_hidden]       # (M, d)
        words = self.body.get_input_embeddings().weight                                                # type: ignore[operator]
        return F.cross_entropy(self.transform(hidden) @ words.T + self.bias, ids[is_hidden])


@dataclass(frozen=True)
class Lesson:
    """One batch: the phase it belongs to, its rows, and how far into the phase it is."""

    is_contrast: bool
    rows: np.ndarray
    share_done: float

    def rate(self, recipe: TransformerRecipe) -> float:
        """Return the learning rate: it rises, then falls to nothing."""
        most = recipe.contrast_learning_rate if self.is_contrast else recipe.learning_rate
        return most * min(self.share_done / WARM_UP_SHARE, (1 - self.share_done) / (1 - WARM_UP_SHARE))


def pretrain_transformer(texts: Sequence[str], recipe: TransformerRecipe, seed: int, checkpoints: Checkpoints,
                         report: Callable[[float], None]) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the files of an encoder as `hf:` reads it, and facts for its card.

    Seeded by step, so that a run which was killed and taken up ends as one that was not.
    """
    if len(texts) < MIN_TEXTS:
        raise EncoderError(f"a transformer cannot be pretrained on {len(texts)} texts", f"{MIN_TEXTS} are the least")
    report(0.0)
    tokenizer = checkpoints.kept("tokenizer.json", lambda: train_tokenizer(texts, recipe.vocabulary))
    corpus = Corpus.of(texts, tokenizer, recipe.max_tokens)
    torch.manual_seed(seed)
    body = _body(recipe, corpus.n_tokens)
    model = MaskedWords(body, recipe.dimensions, corpus.n_tokens)
    losses = _learn(model, corpus, recipe, seed, checkpoints, report)
    weights = {name: value.contiguous() for name, value in body.state_dict().items()}
    files = {WEIGHTS: save(weights, {"format": "pt"}), "tokenizer.json": tokenizer,
             "config.json": body.config.to_json_string().encode()}
    return files, {"n_parameters": sum(value.numel() for value in weights.values()), "losses": losses}


def _learn(model: MaskedWords, corpus: Corpus, recipe: TransformerRecipe, seed: int, checkpoints: Checkpoints,
           report: Callable[[float], None]) -> dict[str, float]:
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    lessons = _lessons(corpus, recipe, seed)
    done = checkpoints.resume(model, optimizer)
    losses: dict[str, float] = {}
    model.train()
    for step in range(done, len(lessons)):
        try:
            report(step / len(lessons))
        except Interrupted:
            checkpoints.save(step, model, optimizer)
            raise
        lesson, generator = lessons[step], np.random.default_rng((seed, step))
        torch.manual_seed(int(generator.integers(2**31)))             # dropout
        optimizer.param_groups[0]["lr"] = lesson.rate(recipe)
        loss = _loss(model, corpus, lesson, recipe, generator)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT)
        optimizer.step()
        phase = "contrast" if lesson.is_contrast else "masked words"
        losses[phase] = LOSS_MEMORY * losses.get(phase, loss.item()) + (1 - LOSS_MEMORY) * loss.item()
        if (step + 1) % recipe.checkpoint_steps == 0:
            checkpoints.save(step + 1, model, optimizer)
    checkpoints.save(len(lessons), model, optimizer)
    return {phase: round(value, 4) for phase, value in losses.items()}


def _lessons(corpus: Corpus, recipe: TransformerRecipe, seed: int) -> list[Lesson]:
    lessons = []
    for is_contrast, n_epochs in ((False, recipe.epochs), (True, recipe.contrast_epochs)):
        rows = [batch for epoch in range(n_epochs)
                for batch in corpus.epoch(recipe.batch_rows, seed + epoch + 1_000 * is_contrast)]
        lessons += [Lesson(is_contrast, batch, (number + 1) / (len(rows) + 1)) for number, batch in enumerate(rows)]
    return lessons


def _loss(model: MaskedWords, corpus: Corpus, lesson: Lesson, recipe: TransformerRecipe,
          generator: np.random.Generator) -> Tensor:
    if lesson.is_contrast:
        pooled = MeanPooled(model.body)
        first, second = (pooled(*corpus.crops(lesson.rows, recipe.crop_share, generator)) for _ in range(2))
        return info_nce(first, second, recipe.temperature)
    ids, is_real = corpus.whole(lesson.rows)
    return model.loss(ids, is_real, *corpus.masked(ids, recipe.mask_share, generator))


def _body(recipe: TransformerRecipe, n_tokens: int) -> Any:
    # imported here: 3 s that the other commands need not wait
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(
        vocab_size=n_tokens, hidden_size=recipe.dimensions, num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads, intermediate_size=4 * recipe.dimensions,
        max_position_embeddings=recipe.max_tokens + 2, pad_token_id=0))
