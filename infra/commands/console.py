"""`hypermatch console`: the web console."""

import click


@click.command("console")
@click.option("--host", help="Address to listen on, instead of HYPERMATCH_CONSOLE_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port, instead of HYPERMATCH_CONSOLE_PORT.")
def command(host: str | None, port: int | None) -> None:
    """Serve the console until stopped; the first time it prints a link that makes the first administrator."""
    import uvicorn

    from infra.roots import open_registry, open_store, utc_now
    from registry.console.app import create_app
    from registry.console.first_run import introduction
    from registry.console.settings import ConsoleSettings
    from registry.settings import RegistrySettings

    given = {"host": host, "port": port}
    settings = ConsoleSettings(**{name: value for name, value in given.items() if value is not None})
    engine = open_registry()
    app = create_app(engine, open_store(), settings, RegistrySettings(), utc_now)
    if settings.is_link_printed:
        click.echo(introduction(engine, settings, utc_now()))
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning", server_header=False,
                proxy_headers=bool(settings.url), timeout_graceful_shutdown=3)
