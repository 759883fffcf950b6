"""What a trainer works with, built once by its root and handed down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import torch
from sqlalchemy import Engine

from ingest.bank import DataBank
from registry.artifacts.store import ArtifactStore
from registry.signing import Signer
from trainer.language_model.at_hand import LanguageModel
from trainer.language_model.recipe import LanguageModelRecipe


@dataclass(frozen=True)
class Workplace:
    """Where labels, texts and models are, who works here, and the clock."""

    engine: Engine
    store: ArtifactStore
    bank: DataBank
    cache: Path
    worker: str
    code_revision: str
    now: Callable[[], datetime]
    lease: timedelta
    threads: int = 0
    signer: Signer | None = None
    open_language_model: Callable[[str, LanguageModelRecipe], LanguageModel | None] = lambda _task, _recipe: None


# Hears the step and the share of it that is done; raises Interrupted or LeaseLost to end the run.
Report = Callable[[str, float], None]
STEPS = ("reading", "encoder", "embedding", "rewording", "asking", "learning", "fine-tuning", "export", "evaluation",
         "gate")
# Share of a run that is done when a step begins; embedding is what takes long.
STARTS = dict(zip(STEPS, (0.0, 0.02, 0.1, 0.45, 0.5, 0.6, 0.7, 0.75, 0.85, 0.97), strict=True))


def share_done(step: str, done: float) -> float:
    """Return the share of the whole run, in [0, 1]; of a step that no run has, its own share."""
    if step not in STARTS:
        return min(max(done, 0.0), 1.0)
    start = STARTS[step]
    end = min((each for each in STARTS.values() if each > start), default=1.0)
    return start + (end - start) * min(max(done, 0.0), 1.0)


def both(first: Report, second: Report) -> Report:
    """Return what tells both; the second hears of a step before the first may end the run."""
    def report(step: str, done: float) -> None:
        second(step, done)
        first(step, done)

    return report


def limit_threads(threads: int) -> None:
    """Let torch use `threads` threads in this process; 0 leaves it one per core."""
    if threads:
        torch.set_num_threads(threads)
