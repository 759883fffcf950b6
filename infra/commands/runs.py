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
        rows = [[run.id, run.task, run.state.value, f"{run.progress:.0%} {run.step}".strip(),
                 costs_told(run.facts.get("costs")) or "-", run.reason, run.outcome]
                for run in list_runs(session, task_name)]
    echo_table(["run", "task", "state", "progress", "language model", "reason", "outcome"], rows)


@command.command("show")
@click.argument("number", type=int, metavar="RUN")
def show(number: int) -> None:
    """Show all that is known of one run, with what a language model cost, as JSON."""
    import json

    from registry.database import read
    from registry.lifecycle.runs import get_run

    with read(open_registry()) as session:
        shown = get_run(session, number).model_dump(mode="json")
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


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


def costs_told(costs: dict[str, float] | None) -> str:
    """Say what a language model cost in one phrase; nothing where none was asked."""
    if not costs:
        return ""
    tokens = int(costs["n_prompt_tokens"] + costs["n_completion_tokens"])
    parts = [f"{int(costs['n_calls']):,} calls", f"{tokens:,} tokens", f"{costs['seconds']:.1f} s"]
    rest = {"n_replayed": "replayed", "n_failed": "failed", "n_refused": "refused by the budget"}
    parts += [f"{int(costs[name]):,} {word}" for name, word in rest.items() if costs[name]]
    return ", ".join([*parts, f"{costs['money']:.2f} in money"] if costs["money"] else parts)
