"""`hypermatch demo`: tell the whole story on real text."""

from pathlib import Path

import click


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, until stopped.")
@click.option("--folder", default=".hypermatch/demo", show_default=True,
              type=click.Path(file_okay=False, path_type=Path), help="Folder of this telling; made anew each time.")
def command(keep: bool, folder: Path) -> None:
    """Run the whole loop on BANKING77: embedded broker, SQLite, a local bank, one server."""
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
