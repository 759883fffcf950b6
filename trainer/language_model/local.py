"""A causal language model of transformers, from a local folder, on this machine."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import torch
import torch.nn.functional as F

from trainer.language_model.backend import Completion, LanguageModelError
from trainer.language_model.budget import Meter
from trainer.language_model.openai_compatible import cut

SCORED_ROWS = 32                                      # continuations in one forward pass


class LocalModel:
    """A model in memory; calls take turns, because one pass fills the machine already."""

    def __init__(self, folder: Path, meter: Meter, device: str = "cpu") -> None:
        self.meter, self.device, self.concurrency, self._lock = meter, device, 1, Lock()
        self.tokenizer, self.model = _loaded(folder, device)
        self.name = f"{folder.name}@{_digest(folder)[:12]}"

    def complete(self, prompt: str, *, max_tokens: int, temperature: float, stop: Sequence[str],
                 seed: int) -> Completion:
        """Continue `prompt`; temperature 0 takes the likeliest token, and a seed gives the same text again."""
        with self._lock, self.meter.call() as call, torch.inference_mode():
            prompt_ids = self._ids(prompt)[0]
            room = self._window - max_tokens
            if room < 1:
                raise LanguageModelError(f"{self.name} holds {self._window} tokens, {max_tokens} were asked for")
            written = self._written(prompt_ids[-room:], max_tokens, temperature, stop, seed)
            call.answered(len(prompt_ids), len(written))
            return Completion(cut(self.tokenizer.decode(written, skip_special_tokens=True), stop), len(prompt_ids),
                              len(written))

    def score(self, prompt: str, continuations: Sequence[str]) -> list[float]:
        """Return the log-probability of each whole continuation; what all share is read once."""
        if not continuations:
            return []
        with self._lock, self.meter.call() as call, torch.inference_mode():
            rows = [self._ids(prompt + each) for each in continuations]
            starts = [_first_scored(offsets, len(prompt)) for _, offsets in rows]
            longest = max(len(ids) for ids, _ in rows)
            if longest > self._window:
                raise LanguageModelError(f"{self.name} holds {self._window} tokens, the prompt has {longest}",
                                         "show fewer examples or labels")
            shared = min([_n_shared([ids for ids, _ in rows]), *(start - 1 for start in starts)])
            scores: list[float] = []
            for begin in range(0, len(rows), SCORED_ROWS):
                part = slice(begin, begin + SCORED_ROWS)
                scores += self._scores([ids for ids, _ in rows[part]], starts[part], shared)
            call.answered(max(shared, 0) + sum(len(ids) - shared for ids, _ in rows), 0)
            return scores

    @property
    def _window(self) -> int:
        return int(getattr(self.model.config, "max_position_embeddings", None) or 2**30)

    def _ids(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return ids and the characters each stands for; the model's start token comes first, standing for none."""
        found = self.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        start = self.tokenizer.bos_token_id
        begin = [] if start is None else [start]
        return [*begin, *found["input_ids"]], [*((0, 0) for _ in begin), *found["offset_mapping"]]

    def _written(self, prompt_ids: list[int], max_tokens: int, temperature: float, stop: Sequence[str],
                 seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        ids, cache = torch.tensor([prompt_ids], device=self.device), None
        written: list[int] = []
        while len(written) < max_tokens:
            answer = self.model(input_ids=ids, past_key_values=cache, use_cache=True)
            cache = answer.past_key_values
            chosen = _chosen(answer.logits[0, -1].float().cpu(), temperature, generator)
            if chosen == self.tokenizer.eos_token_id:
                break
            written.append(chosen)
            if stop and any(each in self.tokenizer.decode(written) for each in stop):
                break
            ids = torch.tensor([[chosen]], device=self.device)
        return written

    def _scores(self, rows: list[list[int]], starts: list[int], shared: int) -> list[float]:
        """Score rows (n, T) whose first `shared` tokens are one and the same."""
        cache: Any = None
        if shared > 0:
            head = torch.tensor([rows[0][:shared]], device=self.device)
            cache = self.model(input_ids=head, use_cache=True).past_key_values
            cache.batch_repeat_interleave(len(rows))
        shared = max(shared, 0)
        width = max(len(row) for row in rows)
        ids = torch.tensor([row[shared:] + [0] * (width - len(row)) for row in rows], device=self.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.device)
        found = self.model(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=cache is not None)
        log_probs = F.log_softmax(found.logits[:, :-1].float(), dim=-1)                # (n, T - shared - 1, V)
        of_next = log_probs.gather(-1, ids[:, 1:].unsqueeze(-1)).squeeze(-1)
        return [float(of_next[number, start - shared - 1 : len(row) - shared - 1].sum())
                for number, (row, start) in enumerate(zip(rows, starts, strict=True))]


def _loaded(folder: Path, device: str) -> tuple[Any, Any]:
    # imported here: 3 s that a run without a local model need not wait
    import transformers

    if not (folder / "config.json").exists():
        raise LanguageModelError(f"{folder} holds no language model: config.json is missing",
                                 "HYPERMATCH_TRAINER_LM_MODEL is the folder of a causal transformers model")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True,
                                                                       use_safetensors=True)
    except (OSError, ValueError, KeyError) as error:
        raise LanguageModelError(f"{folder} is not a causal transformers model: {error}") from error
    return tokenizer, model.eval().to(device)


def _digest(folder: Path) -> str:
    """Name the weights without holding them in memory."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), *folder.glob("tokenizer*.json")]):
        with path.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _chosen(logits: torch.Tensor, temperature: float, generator: torch.Generator) -> int:
    if temperature <= 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits / temperature).softmax(dim=-1), 1, generator=generator))


def _first_scored(offsets: list[tuple[int, int]], n_prompt_chars: int) -> int:
    """Return the first token that holds a character of the continuation; the very first token has no probability."""
    return next((number for number, (_, end) in enumerate(offsets) if end > n_prompt_chars and number > 0),
                len(offsets))


def _n_shared(rows: list[list[int]]) -> int:
    """Return how many leading tokens all rows have in common, fewer than the shortest has."""
    shortest = min(len(row) for row in rows) - 1
    return next((place for place in range(shortest) if len({row[place] for row in rows}) > 1), shortest)
