"""A round of fine-tuning as a folder of files: what is tuned, on what and how; begun once, gone on with, kept."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.encoders.encoder import Encoder, digest_of
from trainer.errors import TrainerError
from trainer.files import write_whole
from trainer.fine_tuning.checkpoints import FILE as CHECKPOINT
from trainer.fine_tuning.lessons import Lessons
from trainer.fine_tuning.recipe import FineTuningRecipe
from trainer.recipe import Recipe, recipe_of

JOB, LESSONS, RESULT = "job.json", "lessons.safetensors", "tuned.safetensors"
KEPT_JOBS = 8                                         # newest ones, so that a run that goes on finds its rounds


@dataclass(frozen=True)
class Job:
    """Which encoder is tuned by which recipe; `start` holds weights that an earlier round tuned."""

    recipe: Recipe
    start: Path | None
    seed: int
    lessons: Lessons


def folder_of(cache: Path, encoder: Encoder, job: Job) -> Path:
    """Return the job's folder, whose name says everything that decides the outcome."""
    tuning = replace(job.recipe.fine_tuning, use="auto", min_certainty=0.0, n_folds=2, n_asked_folds=1, n_rounds=1,
                     n_processes=0, checkpoint_steps=1)   # none of these changes a round
    name = digest_of(encoder.digest.encode(), job.lessons.digest.encode(), repr(tuning).encode(),
                     str(job.seed).encode())
    return cache / "fine_tuning" / name


def begin(folder: Path, job: Job) -> None:
    """Write what a process needs to work on the job; the folders of the oldest jobs go."""
    write_whole(folder / LESSONS, job.lessons.arrays())
    told = {"recipe": job.recipe.to_dict(), "start": None if job.start is None else str(job.start), "seed": job.seed,
            "texts": job.lessons.texts}
    write_whole(folder / JOB, json.dumps(told).encode())
    jobs = sorted(folder.parent.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in jobs[KEPT_JOBS:]:
        shutil.rmtree(old, ignore_errors=True)


def read(folder: Path) -> Job:
    told = json.loads((folder / JOB).read_text(encoding="utf-8"))
    lessons = Lessons.of_file(told["texts"], (folder / LESSONS).read_bytes())
    return Job(recipe_of(told["recipe"]), None if told["start"] is None else Path(told["start"]), told["seed"], lessons)


def finish(folder: Path, result: bytes) -> None:
    """Keep the tuned weights; all else was there to make them."""
    write_whole(folder / RESULT, result)


def clear(folder: Path) -> None:
    """Leave the result, or failing it the checkpoint: texts do not stay in the cache."""
    kept = RESULT if (folder / RESULT).exists() else CHECKPOINT
    for file in folder.iterdir():
        if file.name != kept:
            file.unlink()


def n_processes(recipe: FineTuningRecipe, n_gpus: int) -> int:
    """Return how many processes share a batch: what the recipe says, else one per GPU if that divides a batch."""
    if n_gpus and recipe.n_processes > n_gpus:
        raise TrainerError(f"fine_tuning.n_processes is {recipe.n_processes}, but this machine has {n_gpus} GPUs",
                           "lower it in the recipe, or leave it 0")
    return recipe.n_processes or max(n for n in range(1, max(n_gpus, 1) + 1) if recipe.batch_rows % n == 0)
