"""`hypermatch migrate`: create the registry or bring it to the newest revision."""

import click


@click.command("migrate")
def command() -> None:
    """Create the registry or bring it to the newest revision."""
    from registry.database import migrate, newest_revision
    from registry.settings import RegistrySettings

    migrate(RegistrySettings().url)
    click.echo(f"the registry is at revision {newest_revision()}")
