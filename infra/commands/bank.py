"""`hypermatch bank`: look into the data bank and keep it in order."""

import json
from collections.abc import Collection

import click

from infra.roots import actor_option, reason_option


@click.group("bank")
def command() -> None:
    """Look into the data bank and keep it in order."""


@command.command("stats")
@click.option("--json", "is_json", is_flag=True, help="As JSON.")
def show_stats(is_json: bool) -> None:
    """Count rows by kind, task and day."""
    found = open_bank().stats()
    if is_json:
        click.echo(json.dumps(found))
        return
    for name in ("version", "rows", "texts", "files", "bytes"):
        click.echo(f"{name:8} {found[name]}")
    for name in ("kinds", "tasks", "days"):
        click.echo(f"{name:8} " + ", ".join(f"{key or '(none)'}: {n}" for key, n in found[name].items()))


@command.command("show")
@click.option("--limit", default=20, show_default=True)
@click.option("--version", type=int, help="As of this bank version.")
def show_rows(limit: int, version: int | None) -> None:
    """Show the newest rows."""
    for row in open_bank().rows(version, limit).to_pylist():
        label = f" -> {row['label']} {row['confidence']:.2f}" if row["label"] else ""
        click.echo(f"{row['at']:%Y-%m-%d %H:%M:%S}  {row['task'] or '-':12}  {row['source'] or '-':12}  "
                   f"{click.unstyle(row['text'][:100])}{label}")


@command.command("forget")
@click.option("--subject", required=True, help="Whose rows to erase.")
@actor_option
@reason_option
def forget_subject(subject: str, actor: str, reason: str) -> None:
    """Erase all rows of a subject and what was made of their texts, and name the model versions trained on them."""
    from infra.roots import open_registry, utc_now
    from ingest.erasure import forget

    done = forget(open_bank(), open_registry(), subject, actor=actor, reason=reason, now=utc_now())
    clear_samples()
    n_vectors = clear_vectors(done.texts)
    clear_pages(done.reached.drift_tasks)
    click.echo(f"{done.n_rows} rows erased")
    reached = done.reached
    click.echo(f"erased beside them: {reached.n_labels} labels, {reached.n_review_items} texts of the review queue, "
               f"texts of {reached.n_drift_checks} drift checks and {reached.n_proposals} proposed classes, "
               f"{n_vectors} vectors of the trainer's cache")
    for version in done.model_versions:
        click.echo(f"trained on them: {version}")


@command.command("compact")
def compact_bank() -> None:
    """Drop duplicates and merge small files, day by day; ingest may go on meanwhile."""
    from tqdm import tqdm

    with tqdm(disable=None, unit="day") as bar:
        def report(day: object, number: int, n_days: int) -> None:
            bar.total, bar.n = n_days, number
            bar.set_postfix_str(str(day))

        done = open_bank().compact(report)
    click.echo(done)


@command.command("retain")
@click.option("--days", type=click.IntRange(min=1), help="Instead of HYPERMATCH_INGEST_RETENTION_DAYS.")
@actor_option
@reason_option
def retain_days(days: int | None, actor: str, reason: str) -> None:
    """Let go of rows banked before the last so many DAYS; `bank vacuum` deletes the bytes."""
    from infra.roots import open_registry, utc_now
    from ingest.bank.retention import keep_days
    from ingest.errors import IngestError
    from ingest.settings import IngestSettings

    days = days or IngestSettings().retention_days
    if not days:
        raise IngestError("nothing says how long rows stay", "give --days or set HYPERMATCH_INGEST_RETENTION_DAYS")
    done = keep_days(open_bank(), open_registry(), days, actor=actor, reason=reason, now=utc_now())
    if done.n_rows:
        clear_samples()
    click.echo(f"{done}; `hypermatch bank vacuum` deletes them")


@command.command("vacuum")
@click.option("--older-than-hours", default=168, show_default=True, type=click.IntRange(min=0),
              help="Bank versions younger than this stay readable.")
def vacuum_bank(older_than_hours: int) -> None:
    """Delete files that only old bank versions need."""
    from datetime import timedelta

    click.echo(f"{open_bank().vacuum(timedelta(hours=older_than_hours))} files deleted")


def clear_samples() -> None:
    """Delete the trainer's samples of the bank, which hold texts; the next look takes others."""
    from pathlib import Path

    from trainer.drift.stretches import forget_all
    from trainer.settings import TrainerSettings

    forget_all(Path(TrainerSettings().cache))


def clear_vectors(texts: Collection[str]) -> int:
    """Erase what the trainer's cache keeps of these texts: vectors, and what versions answered; return how many."""
    if not texts:
        return 0
    from pathlib import Path

    from registry.text import normalize, text_hash
    from trainer.encoders.cache import forget_vectors
    from trainer.settings import TrainerSettings

    hashes = {bytes.fromhex(text_hash(normalize(text))) for text in texts}
    return forget_vectors(Path(TrainerSettings().cache), hashes)


def open_bank():                               # type: ignore[no-untyped-def]
    from ingest.bank import DataBank
    from ingest.settings import IngestSettings

    settings = IngestSettings()
    return DataBank(settings.bank, settings.storage_options)


def clear_pages(tasks: list[str]) -> None:
    """Delete Evidently's pages and snapshots of these tasks, which may show texts; later looks make others."""
    if not tasks:
        return
    from pathlib import Path

    from trainer.drift.snapshots import clear_all
    from trainer.settings import TrainerSettings

    if (folder := TrainerSettings().reports) and Path(folder).exists():
        for task in tasks:
            clear_all(Path(folder), task)
