"""Tries a prompt on one text: shows what the language model reads, and what it answers where one is set."""

from collections.abc import Callable

import numpy as np
from sqlalchemy import Engine

from registry.database import read
from registry.labels import labeled_texts
from registry.prompt_trials import Tried
from registry.prompts import get_prompt
from registry.tables import Part
from registry.tasks import label_space
from trainer.language_model.at_hand import LanguageModel
from trainer.language_model.examples import Examples
from trainer.language_model.labeling import Labeler
from trainer.language_model.prompts.library import named
from trainer.language_model.prompts.render import Task
from trainer.language_model.prompts.spec import PromptError, PromptSpec, spec_of
from trainer.language_model.prompts.stored import all_specs
from trainer.language_model.recipe import LanguageModelRecipe

N_ANSWERS = 5
SEED = 0
Open = Callable[[str, LanguageModelRecipe], LanguageModel | None]


def try_prompt(engine: Engine, open_model: Open, recipe: LanguageModelRecipe, name: str, version: int | None,
               task: str, text: str) -> Tried:
    """Return the prompt for `text` with its likeliest labels; one opening of the model is one budget.

    Raises PromptError for prompts that read no text, LanguageModelError where the model does not answer.
    """
    spec, (labels, human) = spec_named(engine, name, version), task_examples(engine, task)
    if spec.use != "label":
        raise PromptError(f"prompt {name!r} is of use {spec.use!r}; only `label` prompts read a text")
    drawn = human.draw(spec.n_examples, "0", without=text)
    prompt = Task.of(spec, labels, recipe.max_chars).label_prompt(drawn, text, "0").prompt
    model = open_model(task, recipe)
    if model is None:
        return Tried(prompt, None, ())
    probs = Labeler(model.backend, (spec, spec), labels, recipe, SEED).answer(spec, text, human, 0)
    best = [(labels[number], round(float(probs[number]), 4)) for number in probs.argsort()[::-1][:N_ANSWERS]]
    costs = model.meter.costs
    return Tried(prompt, model.backend.name, best, costs.n_calls, costs.n_tokens)


def task_examples(engine: Engine, task: str) -> tuple[list[str], Examples]:
    """Return a task's labels and its human train labels."""
    with read(engine) as session:
        labels = list(label_space(session, task).labels)
        rows = [row for row in labeled_texts(session, task, Part.TRAIN) if row.label in labels]
    return labels, Examples([row.text for row in rows], np.array([labels.index(row.label) for row in rows], np.int64))


def spec_named(engine: Engine, name: str, version: int | None) -> PromptSpec:
    """Return a packaged prompt or one of the library, the newest version if no number is given."""
    with read(engine) as session:
        return spec_of(get_prompt(session, name, version).spec) if version else named(all_specs(session), name)
