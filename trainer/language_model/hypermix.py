"""HyperMix: labeled examples mixed in one prompt become a new text with a soft label (arXiv 2104.08826)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from registry.text import normalize, text_hash
from trainer.language_model.answers import calibrated, probs_of, side_by_side
from trainer.language_model.backend import Backend
from trainer.language_model.examples import Example, Examples
from trainer.language_model.labeling import Report, silent
from trainer.language_model.prompts.render import CONTENT_FREE, Task, WritePrompt
from trainer.language_model.prompts.safety import written_line
from trainer.language_model.prompts.spec import PromptSpec
from trainer.language_model.recipe import LanguageModelRecipe


@dataclass(frozen=True)
class Written:
    """A text that a model wrote: `probs` (C,) is what its label is said to be, all zeros for none."""

    text: str
    probs: np.ndarray
    source: str                                       # mix, generate, unlabeled or imported
    generator: str
    prompt: str = ""
    origin: tuple[str, ...] = ()                      # hashes of the texts it was made from, or an imported seed key


def mix(backend: Backend, spec: PromptSpec, labels: Sequence[str], human: Examples, n: int,
        recipe: LanguageModelRecipe, seed: int, report: Report = silent) -> list[Written]:
    """Write up to `n` texts, each from other examples; unusable and unaffordable answers are left out."""
    task = Task.of(spec, labels, recipe.max_chars)
    calls = [partial(_mixed, backend, task, human, recipe, seed + number) for number in range(n if len(human) else 0)]
    return [each for each in side_by_side(calls, backend, report) if each is not None]


def _mixed(backend: Backend, task: Task, human: Examples, recipe: LanguageModelRecipe, seed: int) -> Written | None:
    examples = human.draw(task.spec.n_examples, f"mix {seed}")
    candidates = candidates_of(len(task.words), examples, recipe.max_candidates)
    prompt = task.mix_prompt(examples, candidates, str(seed))
    said = backend.complete(prompt.prompt, max_tokens=recipe.max_tokens, temperature=recipe.temperature,
                            stop=(f"</{prompt.mark}>", "\n\n"), seed=seed)
    text = written_line(said.text, prompt.mark)
    if not text:
        return None
    probs = np.zeros(len(task.words), np.float32)
    probs[candidates] = soft_label(backend, task, prompt, text, candidates, recipe, seed)
    return Written(text, probs, "mix", backend.name, task.spec.name,
                   tuple(text_hash(normalize(example.text)) for example in examples))


def candidates_of(n_classes: int, examples: Sequence[Example], limit: int) -> list[int]:
    """Return the classes that the new text may have: all of a small label space, else those of the examples."""
    return list(range(n_classes)) if n_classes <= limit else sorted({example.number for example in examples})


def soft_label(backend: Backend, task: Task, prompt: WritePrompt, text: str, candidates: Sequence[int],
               recipe: LanguageModelRecipe, seed: int) -> np.ndarray:
    """Score every candidate's whole words, the line's end included, so that no label is the beginning of another."""
    answers = [f" {task.words[number]}\n" for number in candidates]
    spoken = [answer.strip().casefold() for answer in answers]

    def parse(said: str) -> int | None:
        line = (said.strip().splitlines() or [""])[0].strip().casefold()
        return spoken.index(line) if line in spoken else None

    def ask(written: str) -> np.ndarray:
        return probs_of(backend, task.label_question(prompt, written), answers, parse, recipe, seed)

    probs = ask(text)
    if recipe.is_calibrated and recipe.answers == "scores":
        probs = calibrated(probs, [ask(free) for free in CONTENT_FREE])
    return probs
