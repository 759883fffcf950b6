"""`hypermatch broker`: the embedded development broker."""

from pathlib import Path

import click


@click.command("broker")
@click.option("--address-file", default=".hypermatch/broker.address", show_default=True,
              type=click.Path(dir_okay=False, path_type=Path), help="File that takes the address.")
def command(address_file: Path) -> None:
    """Run the embedded broker until stopped. It keeps everything in memory: stopped, its topics are gone."""
    from infra.broker import start_broker
    from infra.processes import stop_on_signal

    stop = stop_on_signal()
    with start_broker() as broker:
        broker.write_address(address_file)
        click.echo(f"broker at {broker.address}, in memory; others use it with:")
        for name, value in broker.environment.items():
            click.echo(f"  export {name}={value}")
        stop.wait()
    address_file.unlink(missing_ok=True)
