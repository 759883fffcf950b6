"""`hypermatch up`: run all processes of one machine."""

from pathlib import Path

import click


@click.command("up")
@click.option("--embedded-broker", is_flag=True,
              help="Use a broker inside this process instead of Kafka; what it holds is lost at the end.")
@click.option("--logs", default=".hypermatch/logs", type=click.Path(file_okay=False, path_type=Path),
              show_default=True, help="Folder of one log per process.")
def command(embedded_broker: bool, logs: Path) -> None:
    """Run ingest, trainer, serving and the console under one supervisor until stopped."""
    from contextlib import ExitStack

    from infra.parts import embedded_broker_environment, machine_parts
    from infra.processes import stop_on_signal
    from infra.roots import utc_now
    from infra.supervisor import Supervisor
    from registry.console.first_run import introduction
    from registry.console.settings import ConsoleSettings
    from registry.database import migrate, open_database
    from registry.settings import RegistrySettings

    stop = stop_on_signal()
    migrate(RegistrySettings().url)
    welcome = introduction(open_database(RegistrySettings().url), ConsoleSettings(), utc_now())
    with ExitStack() as stack:
        environment: dict[str, str] = {}
        if embedded_broker:
            from infra.broker import start_broker

            broker = stack.enter_context(start_broker())
            environment = embedded_broker_environment(broker.address)
            click.echo(f"embedded broker at {broker.address}")
        supervisor = stack.enter_context(Supervisor(machine_parts(environment), logs, click.echo))
        click.echo(f"started {', '.join(part.name for part in supervisor.parts)}; logs in {logs}; Ctrl-C stops all")
        click.echo(welcome)
        supervisor.wait(stop)
        click.echo("stopping")
