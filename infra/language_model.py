"""Builds the language model that the settings name, with its record, its budget and its prompts."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from trainer.language_model.at_hand import LanguageModel
    from trainer.language_model.backend import Backend
    from trainer.language_model.budget import Budget, Meter
    from trainer.language_model.recipe import LanguageModelRecipe
    from trainer.settings import TrainerSettings


def open_language_model(settings: TrainerSettings, engine: Engine, task: str,
                        recipe: LanguageModelRecipe) -> LanguageModel | None:
    """Return the model with the prompts that were measured best for `task`; None if the settings name none.

    Its meter begins at zero: one opening is one run's budget.
    """
    from registry.database import read
    from trainer.language_model.at_hand import LanguageModel
    from trainer.language_model.budget import Meter
    from trainer.language_model.prompts.library import prompts_for
    from trainer.language_model.prompts.stored import specs_for

    if settings.lm_backend == "none":
        return None
    meter = Meter(budget_of(settings))
    backend = open_backend(settings, meter)
    with read(engine) as session:
        specs = specs_for(session, task, backend.name)
    return LanguageModel(backend, prompts_for(specs, recipe.language, recipe.prompts), meter)


def open_backend(settings: TrainerSettings, meter: Meter) -> Backend:
    """Open the backend behind its record, `<cache>/language_model/<model>.jsonl`."""
    from trainer.language_model.backend import LanguageModelError
    from trainer.language_model.recorded import Recorded

    if not settings.lm_model:
        raise LanguageModelError("no language model is named", "set HYPERMATCH_TRAINER_LM_MODEL")
    asked = _asked(settings, meter)
    name = settings.lm_model if asked is None else asked.name
    record = Path(settings.cache) / "language_model" / f"{re.sub(r'[^A-Za-z0-9.@-]+', '_', name)}.jsonl"
    return Recorded(record, name, meter, asked)


def budget_of(settings: TrainerSettings) -> Budget:
    from trainer.language_model.budget import Budget

    return Budget(max_calls=settings.lm_max_calls or math.inf, max_tokens=settings.lm_max_tokens or math.inf,
                  max_money=settings.lm_max_money or math.inf, prompt_price=settings.lm_prompt_price,
                  completion_price=settings.lm_completion_price)


def _asked(settings: TrainerSettings, meter: Meter) -> Backend | None:
    """Return what answers questions that are not on record."""
    if settings.lm_backend == "openai":
        from trainer.language_model.openai_compatible import Endpoint, OpenAiCompatible
        from trainer.language_model.pacing import Retries

        return OpenAiCompatible(Endpoint(
            url=settings.lm_url, model=settings.lm_model,
            key=settings.lm_key.get_secret_value() if settings.lm_key else "",
            is_chat=settings.lm_is_chat, timeout_seconds=settings.lm_timeout_seconds,
            concurrency=settings.lm_concurrency, calls_per_minute=settings.lm_calls_per_minute,
            retries=Retries(n_retries=settings.lm_retries)), meter)
    if settings.lm_backend == "transformers":
        from trainer.language_model.local import LocalModel

        return LocalModel(Path(settings.lm_model), meter, settings.lm_device)
    return None
