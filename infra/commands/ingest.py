"""`hypermatch ingest`: bank production text, from Kafka or from a file; look at dead letters."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ingest.traces import TracedMessages
    from registry.telemetry.settings import TelemetrySettings


@click.group("ingest")
def command() -> None:
    """Bank production text."""


@command.command("run")
@click.option("--name", default=None, help="What the heartbeat is called.  [default: HOST:PID]")
def run_ingest(name: str | None) -> None:
    """Bank texts and predictions from Kafka until stopped; SIGTERM banks what is held first."""
    import logging

    from infra.processes import process_name, stop_on_signal
    from infra.roots import open_registry, utc_now
    from ingest.running import run
    from ingest.settings import IngestSettings
    from registry.telemetry.logs import configure_logs
    from registry.telemetry.settings import TelemetrySettings

    telemetry = TelemetrySettings()
    configure_logs(telemetry, {"ingest": logging.INFO})
    run(IngestSettings(), process=name or process_name("ingest"), engine=open_registry(),
        stop=stop_on_signal(), now=utc_now, traced=_traced(telemetry))


def _traced(telemetry: "TelemetrySettings") -> "TracedMessages | None":
    """Return what follows traces into the bank, where tracing is on."""
    from registry.telemetry.opening import open_tracing

    tracing = open_tracing(telemetry, "ingest")
    if tracing is None:
        return None
    from ingest.traces import TracedMessages

    return TracedMessages(tracing)


@command.command("file")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--task", help="Task that the texts belong to.")
@click.option("--source", help="Where the texts come from.  [default: the file's name]")
@click.option("--text-column", default="text", show_default=True, help="Column or field that holds the text.")
def bank_file(file: Path, task: str | None, source: str | None, text_column: str) -> None:
    """Bank a CSV, JSONL or Parquet FILE; doing so twice banks nothing twice."""
    from infra.roots import utc_now
    from ingest.bank import DataBank
    from ingest.files import Origin, bank_file
    from ingest.settings import IngestSettings

    settings = IngestSettings()
    outcome = bank_file(DataBank(settings.bank, settings.storage_options), file,
                        Origin(text_column, task, source or file.name), settings, utc_now)
    click.echo(f"{outcome.n_banked} banked, {outcome.n_duplicates} duplicates, {outcome.n_masked} masked, "
               f"{outcome.n_unreadable} unreadable, {outcome.n_before} banked by an earlier run")


@command.group("dead-letters")
def dead_letters() -> None:
    """Messages that could not be read."""


@dead_letters.command("list")
@click.option("--limit", default=50, show_default=True, help="Show at most this many.")
def list_dead_letters(limit: int) -> None:
    """Show where each one was and why it could not be read."""
    from ingest.dead_letters import stored
    from ingest.settings import IngestSettings

    for one in stored(IngestSettings(), limit):
        letter = one.letter
        click.echo(f"{one.partition}:{one.offset}  {letter.at:%Y-%m-%d %H:%M:%S}  "
                   f"{letter.topic}[{letter.partition}]@{letter.offset}  {letter.reason}  {letter.raw[:60]!r}")


@dead_letters.command("replay")
@click.option("--limit", type=int, help="Replay at most this many, oldest first.  [default: all]")
def replay_dead_letters(limit: int | None) -> None:
    """Publish their bytes again to the topics they came from; those still unreadable come back."""
    from ingest.dead_letters import replay, stored
    from ingest.settings import IngestSettings

    settings = IngestSettings()
    click.echo(f"{replay(settings, list(stored(settings, limit)))} replayed")
