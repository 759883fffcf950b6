"""`hypermatch drift`: look for drift now, and at what was found before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.roots import open_registry, task_option

if TYPE_CHECKING:
    from trainer.drift.recipe import DriftRecipe


@click.group("drift")
def command() -> None:
    """Look for drift in the bank."""


@command.command("check")
@task_option
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Only tell; keep nothing and ask for no run.")
@click.option("--alpha", type=click.FloatRange(0.001, 0.2), show_default="the task's recipe",
              help="Alarms per stable window, over all families together.")
@click.option("--window", "window_texts", type=click.IntRange(min=100), show_default="the task's recipe")
@click.option("--json", "is_json", is_flag=True, help="Print the whole report.")
def check(task_name: str, is_dry_run: bool, alpha: float | None, window_texts: int | None, is_json: bool) -> None:
    """Compare the newest window with what the champion was trained beside."""
    import json
    from pathlib import Path

    from infra.commands.trainer import drift_triggers, open_workplace
    from registry.database import read
    from trainer.drift.tick import look_at_bank
    from trainer.progress import StepBar
    from trainer.recipe import recipe_for
    from trainer.scheduler.drift import act, advise_now
    from trainer.settings import TrainerSettings

    settings = TrainerSettings()
    workplace = open_workplace(settings)
    whole = recipe_for(task_name, Path(settings.recipes))
    recipe = _changed(whole.drift, alpha, window_texts)
    with StepBar() as bar:
        found = look_at_bank(workplace, task_name, recipe, whole.seed, bar.report)
    report = found.report
    if is_dry_run:
        with read(workplace.engine) as session:
            told, reason = advise_now(session, task_name, found, recipe)
        advice = str(told)
    else:
        kept = act(workplace, task_name, found, recipe, drift_triggers(settings, workplace))
        advice, reason = kept.advice, kept.reason
    if is_json:
        click.echo(json.dumps(report.to_dict() | {"advice": advice}, ensure_ascii=False, indent=1))
        return
    click.echo(f"{task_name} v{found.version.number}: {advice}: {reason}")
    if report.accuracy is not None:
        click.echo(f"estimated accuracy {report.accuracy['value']:.3f} [{report.accuracy['low']:.3f}, "
                   f"{report.accuracy['high']:.3f}], {report.accuracy['labeled']:.3f} on gate labels")
    for source, told in report.volume.items():
        mark = " (beyond chance)" if told["is_alarm"] else ""
        click.echo(f"texts per hour, {source}: {told['before']:g} -> {told['now']:g}{mark}")
    for moved in report.moved:
        click.echo(f"  {moved.kind} {moved.name!r}: {moved.before:.3f} -> {moved.now:.3f}")


def _changed(recipe: DriftRecipe, alpha: float | None, window_texts: int | None) -> DriftRecipe:
    """Return the recipe with what was asked for on the command line."""
    from dataclasses import replace

    alpha, window = alpha or recipe.alpha, window_texts or recipe.window_texts
    return replace(recipe, alpha=alpha, window_texts=window, n_permutations=max(recipe.n_permutations,
                                                                               round(10 / alpha) - 1),
                   min_reference_texts=max(recipe.min_reference_texts, 2 * window),
                   reference_texts=max(recipe.reference_texts, 2 * window))


@command.command("list")
@task_option
def list_(task_name: str) -> None:
    """List the newest checks."""
    from infra.tables import echo_table
    from registry.database import read
    from registry.drift import list_drift_checks

    with read(open_registry()) as session:
        rows = [[row.id, row.at.isoformat(timespec="seconds"), f"v{row.version_number}", f"{row.p_value:.4f}",
                 row.advice, row.reason] for row in list_drift_checks(session, task_name)]
    echo_table(["check", "at", "version", "p", "advice", "reason"], rows)


@command.command("dashboard")
@click.option("--host", default="127.0.0.1", show_default=True, help="Evidently's interface knows no accounts.")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(1, 65_535))
def dashboard(host: str, port: int) -> None:
    """Serve Evidently's own interface on the looks that were kept."""
    from pathlib import Path

    from trainer.drift.dashboard import serve_dashboard
    from trainer.settings import TrainerSettings

    serve_dashboard(Path(TrainerSettings().reports), host, port)
