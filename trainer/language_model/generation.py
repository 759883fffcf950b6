"""Writes texts of a label from its name alone, and unlabeled texts like those at hand."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from registry.text import normalize, text_hash
from trainer.language_model.answers import side_by_side
from trainer.language_model.backend import Backend
from trainer.language_model.examples import Examples, unlabeled
from trainer.language_model.hypermix import Written
from trainer.language_model.labeling import Report, silent
from trainer.language_model.prompts.render import Task
from trainer.language_model.prompts.safety import written_line, written_lines
from trainer.language_model.prompts.spec import PromptSpec
from trainer.language_model.recipe import LanguageModelRecipe


def generate(backend: Backend, spec: PromptSpec, labels: Sequence[str], human: Examples,
             recipe: LanguageModelRecipe, seed: int, report: Report = silent) -> list[Written]:
    """Write `generated_per_label` texts of each label; labels without human examples need none (zero data)."""
    task = Task.of(spec, labels, recipe.max_chars)
    n_calls = math.ceil(recipe.generated_per_label / recipe.lines_per_call)
    calls = [partial(_generated, backend, task, number, human.of(number), recipe, seed + n_calls * number + call)
             for number in range(len(labels)) for call in range(n_calls)]
    return [each for found in side_by_side(calls, backend, report) for each in found or []]


def write_unlabeled(backend: Backend, spec: PromptSpec, texts: Sequence[str], n_classes: int,
                    recipe: LanguageModelRecipe, seed: int, report: Report = silent) -> list[Written]:
    """Write `n_unlabeled` texts like `texts`, for learning without labels."""
    task, seen = Task.of(spec, [""], recipe.max_chars), unlabeled(texts)
    calls = [partial(_alike, backend, task, seen, n_classes, recipe, seed + number)
             for number in range(recipe.n_unlabeled if len(texts) else 0)]
    return [each for each in side_by_side(calls, backend, report) if each is not None]


def _generated(backend: Backend, task: Task, number: int, examples: Examples, recipe: LanguageModelRecipe,
               seed: int) -> list[Written]:
    drawn = examples.draw(task.spec.n_examples, f"generate {seed}")
    prompt = task.generate_prompt(number, drawn, recipe.lines_per_call, str(seed))
    said = backend.complete(prompt.prompt, max_tokens=recipe.max_tokens * recipe.lines_per_call,
                            temperature=recipe.temperature, stop=("\n\n",), seed=seed)
    probs = np.zeros(len(task.words), np.float32)
    probs[number] = 1.0
    origin = tuple(text_hash(normalize(example.text)) for example in drawn)
    return [Written(line, probs, "generate", backend.name, task.spec.name, origin)
            for line in written_lines(said.text)[: recipe.lines_per_call]]


def _alike(backend: Backend, task: Task, seen: Examples, n_classes: int, recipe: LanguageModelRecipe,
           seed: int) -> Written | None:
    drawn = seen.draw(task.spec.n_examples, f"unlabeled {seed}")
    prompt = task.unlabeled_prompt(drawn, str(seed))
    said = backend.complete(prompt.prompt, max_tokens=recipe.max_tokens, temperature=recipe.temperature,
                            stop=(f"</{prompt.mark}>", "\n\n"), seed=seed)
    text = written_line(said.text, prompt.mark)
    origin = tuple(text_hash(normalize(example.text)) for example in drawn)
    return Written(text, np.zeros(n_classes, np.float32), "unlabeled", backend.name, task.spec.name,
                   origin) if text else None
