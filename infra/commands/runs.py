"""`hypermatch runs`: look at training runs and ask for one."""

import click

from infra.roots import actor_option, open_registry, reason_option, task_option, utc_now


@click.group("runs")
def command() -> None:
    """Look at training runs and ask for one."""


@command.command("list")
@click.option("--task", "task_name", help="Only this task.")
def list_(task_name: str | None) -> None:
    """List the newest runs."""
    from infra.tables import echo_table
    from registry.database import read
    from registry.lifecycle.runs import list_runs

    with read(open_registry()) as session:
        rows = [[run.id, run.task, run.state.value, f"{run.progress:.0%} {run.step}".strip(), run.reason, run.outcome]
                for run in list_runs(session, task_name)]
    echo_table(["run", "task", "state", "progress", "reason", "outcome"], rows)


@command.command("request")
@task_option
@actor_option
@reason_option
def request(task_name: str, actor: str, reason: str) -> None:
    """Ask the running trainer for a run."""
    from registry.database import write
    from registry.lifecycle.runs import request_run

    with write(open_registry()) as session:
        run = request_run(session, task_name, actor=actor, reason=reason, now=utc_now())
    click.echo(f"run {run.id} of {task_name} is {run.state.value}; `hypermatch trainer run` will do it")
