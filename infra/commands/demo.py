"""`hypermatch demo`: tell the whole story on real text."""

from pathlib import Path

import click


@click.group("demo", invoke_without_command=True)
@click.pass_context
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, until stopped.")
@click.option("--folder", default=".hypermatch/demo", show_default=True,
              type=click.Path(file_okay=False, path_type=Path), help="Folder of this telling; made anew each time.")
def command(context: click.Context, keep: bool, folder: Path) -> None:
    """Run the whole loop on BANKING77: embedded broker, SQLite, a local bank, one server."""
    if context.invoked_subcommand is not None:
        return
    import signal

    from infra.broker import start_broker
    from infra.demo.stage import clear_stage, demo_environment, keep_running
    from infra.demo.story import Story
    from infra.parts import free_port
    from infra.processes import stop_on_signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)        # told to end early, it still ends its processes
    folder, port = folder.resolve(), free_port(preferred=3000)
    clear_stage(folder)
    with start_broker() as broker:
        story = Story(folder, demo_environment(folder, broker.address, port), port)
        with story.supervisor:
            report = story.tell()
            report.write(folder / "report.json")
            report.echo(folder / "report.json")
            if keep:
                keep_running(story, stop_on_signal())


@command.command("seed-scale")
@click.option("--tasks", default=200, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--versions", default=5_000, show_default=True, type=click.IntRange(1, 1_000_000), help="Of all tasks.")
@click.option("--entries", default=1_000_000, show_default=True, type=click.IntRange(0, 100_000_000),
              help="Of the audit log.")
def seed_scale(tasks: int, versions: int, entries: int) -> None:
    """Fill an empty registry with many tasks, versions and audit entries, to see how the console bears them."""
    from infra.demo.cast import deal
    from infra.demo.scale import seed
    from infra.roots import open_registry, utc_now

    seed(open_registry(), deal(seed=1), tasks, versions, entries, utc_now())
    click.echo(f"seeded {tasks} tasks, {versions} versions, {entries} audit entries")
