"""`hypermatch prompts`: look at a language model's prompts and measure them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.roots import actor_option, open_registry, task_option, utc_now

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from registry.tables import PromptQuality
    from trainer.language_model.at_hand import LanguageModel
    from trainer.language_model.examples import Examples
    from trainer.language_model.labeling import Labeler
    from trainer.language_model.prompts.spec import PromptSpec
    from trainer.language_model.recipe import LanguageModelRecipe

recipe_option = click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                             help="TOML with a table [language_model]; the defaults if none is given.")


@click.group("prompts")
def command() -> None:
    """Look at a language model's prompts and measure them."""


@command.command("list")
@click.option("--task", "task_name", help="Only measurements on this task.")
def list_(task_name: str | None) -> None:
    """List the prompts and how well each did where it was measured last."""
    from infra.tables import echo_table
    from registry.database import read
    from registry.prompts import list_prompts, qualities
    from trainer.language_model.prompts.stored import all_specs

    with read(open_registry()) as session:
        versions = {prompt.name: prompt.version for prompt in list_prompts(session)}
        newest: dict[str, PromptQuality] = {}
        for quality in qualities(session, task=task_name):
            newest.setdefault(quality.prompt, quality)
        rows = [[spec.name, versions.get(spec.name, "-"), spec.use, spec.language, *_measured(newest.get(spec.name))]
                for spec in all_specs(session)]
    echo_table(["prompt", "version", "use", "language", "accuracy", "order", "words", "task", "model"], rows)


@command.command("show")
@click.argument("name")
@click.option("--version", type=int, help="The newest if none is given.")
def show(name: str, version: int | None) -> None:
    """Show the words of prompt NAME and all its measurements, as JSON."""
    import json

    from registry.database import read
    from registry.prompts import get_prompt, qualities
    from trainer.language_model.prompts.library import named
    from trainer.language_model.prompts.stored import all_specs

    with read(open_registry()) as session:
        spec = get_prompt(session, name, version).spec if version else named(all_specs(session), name).to_dict()
        measured = [quality.model_dump(mode="json", exclude={"id", "prompt"})
                    for quality in qualities(session, name=name)]
    click.echo(json.dumps({"spec": spec, "measured": measured}, indent=2, ensure_ascii=False))


@command.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@actor_option
def add(file: Path, actor: str) -> None:
    """Add the [[prompt]] tables of the TOML file FILE to the library; changed words are a new version."""
    from registry.database import write
    from registry.prompts import save_prompt
    from trainer.language_model.prompts.spec import read_spec_file
    from trainer.language_model.prompts.stored import check_is_not_packaged

    specs = read_spec_file(file)
    with write(open_registry()) as session:
        for spec in specs:
            check_is_not_packaged(spec)
            prompt = save_prompt(session, spec.to_dict(), actor=actor, now=utc_now())
            click.echo(f"{prompt.name} version {prompt.version}")


@command.command("try")
@click.argument("name")
@click.argument("text")
@task_option
@recipe_option
def try_(name: str, text: str, task_name: str, recipe_file: Path | None) -> None:
    """Show what prompt NAME makes of TEXT and, if a language model is set, what it answers."""
    from functools import partial

    from trainer.language_model.trying import try_prompt

    engine = open_registry()
    tried = try_prompt(engine, partial(_model, engine), _recipe(recipe_file), name, None, task_name, text)
    click.echo(f"{tried.prompt}\n")
    if tried.language_model is None:
        click.echo("no language model is set (HYPERMATCH_TRAINER_LM_BACKEND)")
    for label, probability in tried.answers:
        click.echo(f"{probability:.3f}  {label}")


@command.command("measure")
@click.argument("name")
@task_option
@click.option("--limit", type=click.IntRange(2), default=100, show_default=True,
              help="Human train labels to measure on, drawn evenly over the classes.")
@recipe_option
@actor_option
def measure(name: str, task_name: str, limit: int, recipe_file: Path | None, actor: str) -> None:
    """Measure prompt NAME on the task's human train labels, never on its gate set, and keep the result."""
    from dataclasses import asdict

    from registry.database import write
    from registry.prompts import record_quality, save_prompt
    from trainer.language_model.backend import LanguageModelError
    from trainer.language_model.quality import measure as measured

    labels, human = _task(engine := open_registry(), task_name)
    recipe, spec = _recipe(recipe_file), _spec(engine, name)
    model = _model(engine, task_name, recipe)
    if model is None:
        raise LanguageModelError("no language model is set", "set HYPERMATCH_TRAINER_LM_BACKEND")
    quality = measured(_labeler(model, labels, spec, recipe), spec, _first(human, limit))
    with write(engine) as session:
        prompt = save_prompt(session, spec.to_dict(), actor=actor, now=utc_now())
        accuracy = quality.accuracy
        record_quality(session, prompt, task_name, model.backend.name, n_labels=quality.n_labels,
                       accuracy=(accuracy.value, accuracy.low, accuracy.high),
                       details=quality.details() | {"costs": asdict(model.meter.costs)}, actor=actor, now=utc_now())
    click.echo(f"{prompt.name} v{prompt.version}: accuracy {accuracy} on {quality.n_labels} train labels")
    click.echo(f"order moves it by {quality.order.spread:.3f} and changes {quality.order.flips:.0%} of the answers")
    if quality.words is not None:
        click.echo(f"label words move it by {quality.words.spread:.3f} and change {quality.words.flips:.0%}")


def _measured(quality: PromptQuality | None) -> list[str]:
    """Return the cells of a measurement: accuracy, how far order and words move it, where and by which model."""
    if quality is None:
        return ["-"] * 5
    words = quality.details.get("words")
    return [f"{quality.accuracy:.3f} [{quality.low:.3f}, {quality.high:.3f}]",
            f"{quality.details['order']['spread']:.3f}", "-" if words is None else f"{words['spread']:.3f}",
            quality.task, quality.language_model]


def _task(engine: Engine, name: str) -> tuple[list[str], Examples]:
    """Return a task's labels and its human train labels."""
    from trainer.language_model.trying import task_examples

    return task_examples(engine, name)


def _first(human: Examples, limit: int) -> Examples:
    """Return at most `limit` labels, drawn evenly over the classes, the same each time."""
    import numpy as np

    from trainer.language_model.examples import Examples

    drawn = human.draw(limit, "measure")
    return Examples([each.text for each in drawn], np.array([each.number for each in drawn], np.int64))


def _recipe(file: Path | None) -> LanguageModelRecipe:
    """Return the [language_model] table of a recipe file."""
    from trainer.recipe import Recipe, read_recipe

    return (read_recipe(file) if file else Recipe()).language_model


def _spec(engine: Engine, name: str) -> PromptSpec:
    from trainer.language_model.trying import spec_named

    return spec_named(engine, name, None)


def _model(engine: Engine, task: str, recipe: LanguageModelRecipe) -> LanguageModel | None:
    """Open the language model that the settings name; None if they name none."""
    from infra.language_model import open_language_model
    from trainer.settings import TrainerSettings

    return open_language_model(TrainerSettings(), engine, task, recipe)


def _labeler(model: LanguageModel, labels: list[str], spec: PromptSpec, recipe: LanguageModelRecipe) -> Labeler:
    from trainer.language_model.labeling import Labeler
    from trainer.recipe import Recipe

    return Labeler(model.backend, (spec, spec), labels, recipe, Recipe().seed)
