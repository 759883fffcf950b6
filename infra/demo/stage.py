"""The stage of the demo: its folder, the environment of its processes, and keeping them up afterwards."""

import shutil
from pathlib import Path
from threading import Event

import click

from infra.demo.person import DemoFailed
from infra.demo.story import FIRST_TEXTS, TASK, Story
from infra.parts import embedded_broker_environment, free_port, state_environment
from infra.roots import utc_now
from registry.console.first_run import introduction
from registry.console.settings import ConsoleSettings

MARK = ".hypermatch-demo"                             # only a folder with this file is ever cleared
# 650 gate labels tell 1.4 points apart, and new classes cost the old ones up to one: with the default of 2 points
# the gate would sometimes ask for more labels instead of letting v3 pass.
RECIPE = "[gate]\nmargin = 0.03\n"


def clear_stage(folder: Path) -> None:
    """Make an empty folder of what an earlier telling left; raises DemoFailed rather than touch another's."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise DemoFailed(f"{folder} holds other files", "name an empty one with --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def demo_environment(folder: Path, broker: str, port: int) -> dict[str, str]:
    """Return what every part of the demo is told, and write the task's recipe beside."""
    recipes = folder / "recipes"
    recipes.mkdir(exist_ok=True)
    (recipes / f"{TASK}.toml").write_text(RECIPE)
    return {
        **state_environment(folder),
        **embedded_broker_environment(broker),
        "HYPERMATCH_INGEST_FLUSH_SECONDS": "1",
        "HYPERMATCH_SERVING_PORT": str(port),
        "HYPERMATCH_CONSOLE_PORT": str(free_port(preferred=3001)),
        "HYPERMATCH_SERVING_POLL_SECONDS": "0.5",
        "HYPERMATCH_TRAINER_TICK_SECONDS": "1",
        "HYPERMATCH_TRAINER_NEW_TEXTS": str(FIRST_TEXTS - 100),        # some may be masked into others
        "HYPERMATCH_TRAINER_RECIPES": str(recipes),
        "HYPERMATCH_TRAINER_REPORTS": "",             # Evidently's pages take seconds of a core per look
    }


def keep_running(story: Story, stop: Event) -> None:
    """Say where everything is and keep it up until stopped."""
    environment = story.supervisor.parts[0].environment
    console = ConsoleSettings(port=int(environment["HYPERMATCH_CONSOLE_PORT"]))
    click.echo(f"\npredictions  http://127.0.0.1:{story.port}/v1/tasks/banking/predict"
               f"\nmetrics      http://127.0.0.1:{story.port}/metrics"
               f"\nbroker       {story.broker}"
               f"\nlogs         {story.folder}/logs"
               f"\n{introduction(story.engine, console, utc_now())}"
               "\n\nto use `hypermatch` on it:")
    for name in ("HYPERMATCH_REGISTRY_URL", "HYPERMATCH_REGISTRY_ARTIFACTS", "HYPERMATCH_INGEST_BANK",
                 "HYPERMATCH_INGEST_BROKERS", "HYPERMATCH_INGEST_BROKER_API_VERSION"):
        click.echo(f"  export {name}={environment[name]}")
    click.echo("\nCtrl-C stops everything")
    story.supervisor.wait(stop)
