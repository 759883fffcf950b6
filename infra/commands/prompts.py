"""`hypermatch prompts`: look at a language model's prompts and measure them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.roots import actor_option, open_registry, task_option, utc_now

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from registry.tables import PromptQuality
    from trainer.language_model.examples import Examples
    from trainer.language_model.prompts.spec import PromptSpec

recipe_option = click.option("--recipe", "recipe_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                             help="TOML of [language_model] keys; the defaults if none is given.")


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
    from trainer.language_model.prompts.render import Task

    labels, human = _task(engine := open_registry(), task_name)
    recipe, spec = _recipe(recipe_file), _spec(engine, name)
    _check_labels(spec)
    drawn = human.draw(spec.n_examples, "0", without=text)
    click.echo(Task.of(spec, labels, recipe.max_chars).label_prompt(drawn, text, "0").prompt)
    labeler = _labeler(engine, task_name, labels, spec, recipe)
    click.echo("")
    if labeler is None:
        click.echo("no language model is set (HYPERMATCH_TRAINER_LM_BACKEND)")
        return
    probs = labeler.answer(spec, text, human, 0)
    for number in probs.argsort()[::-1][:5]:
        click.echo(f"{probs[number]:.3f}  {labels[number]}")


@command.command("measure")
@click.argument("name")
@task_option
@click.option("--limit", type=click.IntRange(2), default=100, show_default=True,
              help="Human train labels to measure on, drawn evenly over the classes.")
@recipe_option
@actor_option
def measure(name: str, task_name: str, limit: int, recipe_file: Path | None, actor: str) -> None:
    """Measure prompt NAME on the task's human train labels, never on its gate set, and keep the result."""
    from registry.database import write
    from registry.prompts import record_quality, save_prompt
    from trainer.language_model.backend import LanguageModelError
    from trainer.language_model.quality import measure as measured

    labels, human = _task(engine := open_registry(), task_name)
    spec = _spec(engine, name)
    labeler = _labeler(engine, task_name, labels, spec, _recipe(recipe_file))
    if labeler is None:
        raise LanguageModelError("no language model is set", "set HYPERMATCH_TRAINER_LM_BACKEND")
    quality = measured(labeler, spec, human.first(limit))
    with write(engine) as session:
        prompt = save_prompt(session, spec.to_dict(), actor=actor, now=utc_now())
        accuracy = quality.accuracy
        record_quality(session, prompt, task_name, labeler.name, n_labels=quality.n_labels,
                       accuracy=(accuracy.value, accuracy.low, accuracy.high),
                       details=quality.details() | {"costs": labeler.costs.to_dict()}, actor=actor, now=utc_now())
    click.echo(f"{prompt.name} v{prompt.version}: accuracy {accuracy} on {quality.n_labels} train labels of {task_name}")
    click.echo(f"order moves it by {quality.order.spread:.3f} and changes {quality.order.flips:.0%} of the answers")
    if quality.words is not None:
        click.echo(f"label words move it by {quality.words.spread:.3f} and change {quality.words.flips:.0%}")
