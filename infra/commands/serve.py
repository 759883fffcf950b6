"""`hypermatch serve`: answer predictions."""

import click

KEEP_ALIVE_SECONDS = 75                               # longer than load balancers, who should be the ones to close


@click.command("serve")
@click.option("--host", help="Address to listen on, instead of HYPERMATCH_SERVING_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port, instead of HYPERMATCH_SERVING_PORT.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes, instead of HYPERMATCH_SERVING_WORKERS.")
def command(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the champion of every task until stopped, swapping when another is promoted."""
    import os
    import sys

    from infra.roots import open_registry
    from registry.signing import open_public_keys
    from registry.telemetry.settings import TelemetrySettings
    from serving.settings import ServingSettings

    given = {"HOST": host, "PORT": port, "WORKERS": workers}
    os.environ.update({f"HYPERMATCH_SERVING_{name}": str(value) for name, value in given.items() if value is not None})
    settings = ServingSettings()                      # a mistake is told here, before any process starts
    open_public_keys(settings.required_signers)
    TelemetrySettings()
    open_registry().dispose()
    os.environ |= {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": _own_home(settings.port)}
    bentoml = [sys.executable, "-m", "bentoml", "serve", "serving.service:HyperMatch", "--host", settings.host,
               "--port", str(settings.port), "--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)]
    os.execv(bentoml[0], bentoml)                     # signals reach BentoML itself


def _own_home(port: int) -> str:
    """Return a folder for BentoML that no other server has: each begins by emptying its folder of metrics."""
    import os
    from pathlib import Path

    home = Path(os.environ.get("BENTOML_HOME", "~/bentoml")).expanduser() / f"port-{port}"
    home.mkdir(parents=True, exist_ok=True)
    return str(home)
