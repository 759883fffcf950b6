"""`hypermatch restore`: bring an empty registry to what a backup saved."""

import click

from infra.roots import actor_option, open_store, utc_now


@click.command("restore")
@click.argument("source", metavar="SRC")
@click.option("--snapshot", "name", help="Which snapshot.  [default: the newest]")
@click.option("--with-bank", is_flag=True, help="Restore the copy of the data bank too.")
@actor_option
def command(source: str, name: str | None, with_bank: bool, actor: str) -> None:
    """Restore the backup at SRC into the empty registry, artifact store and bank that the settings name."""
    from infra.steps import steps
    from ingest.bank.copies import check_can_copy_in, copy_in
    from ingest.settings import IngestSettings
    from registry.backup.place import BackupPlace
    from registry.backup.restoring import restore
    from registry.backup.snapshot import read_snapshot
    from registry.settings import RegistrySettings

    place, bank = BackupPlace(source), IngestSettings().bank
    name, snapshot = read_snapshot(place, name)
    if with_bank:
        check_can_copy_in(place, bank)
    with steps() as report:
        engine = restore(RegistrySettings().url, open_store(), place, name, snapshot, actor=actor, now=utc_now(),
                         report=report, between=lambda: copy_in(place, bank, report) if with_bank else None)
    engine.dispose()
    n_rows = sum(table.n_rows for table in snapshot.tables.values())
    click.echo(f"restored snapshot {name}: {n_rows:,} rows, {len(snapshot.artifacts)} artifacts; audit chain as saved")
    if not with_bank and snapshot.bank.version is not None:
        click.echo(f"the bank was {snapshot.bank.url} at version {snapshot.bank.version}: HYPERMATCH_INGEST_BANK is "
                   f"{bank} now")
    people = snapshot.tables.get("account")           # the first releases had none
    if people is not None and people.n_rows:
        click.echo("no password was saved: `hypermatch users password NAME --link` gives a person a new one; webhooks "
                   "and API tokens are made anew in the console")
