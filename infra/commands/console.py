"""`hypermatch console`: the web console."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from registry.prompt_trials import Tried, Try


@click.command("console")
@click.option("--host", help="Address to listen on, instead of HYPERMATCH_CONSOLE_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port, instead of HYPERMATCH_CONSOLE_PORT.")
def command(host: str | None, port: int | None) -> None:
    """Serve the console until stopped; the first time it prints a link that makes the first administrator."""
    import logging

    import uvicorn

    from infra.roots import open_registry, open_store, utc_now
    from registry.console.app import create_app
    from registry.console.first_run import introduction
    from registry.console.oidc.settings import OidcSettings
    from registry.console.settings import ConsoleSettings
    from registry.settings import RegistrySettings
    from registry.telemetry.logs import configure_logs
    from registry.telemetry.settings import TelemetrySettings

    given: dict[str, Any] = {"host": host, "port": port}
    settings = ConsoleSettings(**{name: value for name, value in given.items() if value is not None})
    engine = open_registry()
    app = create_app(engine, open_store(), settings, RegistrySettings(), utc_now, OidcSettings(), _trying(engine))
    listener = _listener(settings.host, settings.port)            # before a link is made that ends the one before
    if settings.is_link_printed:
        click.echo(introduction(engine, settings, utc_now()))
    configure_logs(TelemetrySettings(), {"hypermatch": logging.INFO})
    config = uvicorn.Config(app, log_config=None, log_level="warning", access_log=False, server_header=False,
                            proxy_headers=bool(settings.url), timeout_graceful_shutdown=3)
    uvicorn.Server(config).run(sockets=[listener])


def _trying(engine: Engine) -> Try:
    """Return what tries a prompt by the trainer's settings on this machine, its packages and its language model."""
    def tried(name: str, version: int, task: str, text: str) -> Tried:
        from registry.errors import Refused

        try:
            from functools import partial
            from pathlib import Path

            from infra.language_model import open_language_model
            from trainer.language_model.trying import try_prompt
            from trainer.recipe import recipe_for
            from trainer.settings import TrainerSettings
        except ModuleNotFoundError as error:
            raise Refused(f"prompts cannot be tried here: {error.name} is not installed",
                          "install hypermatch[trainer] beside the console") from error
        settings = TrainerSettings()
        recipe = recipe_for(task, Path(settings.recipes)).language_model
        return try_prompt(engine, partial(open_language_model, settings, engine), recipe, name, version, task, text)

    return tried


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}; "
                                   "choose another with --host and --port") from error
