"""`hypermatch backup`: save the registry, its artifacts and, if wanted, the bank, while everything runs."""

from typing import TYPE_CHECKING

import click

from infra.roots import open_registry, open_store, utc_now

if TYPE_CHECKING:
    from registry.backup.snapshot import Snapshot


@click.command("backup")
@click.argument("destination", metavar="DEST")
@click.option("--with-bank", is_flag=True, help="Copy the data bank too, not only its place and version.")
def command(destination: str, with_bank: bool) -> None:
    """Save the registry and its artifacts to DEST, a folder or s3://BUCKET/PREFIX; again: only what is missing.

    Passwords, tokens, sessions, keys and webhooks are not saved.
    """
    from infra.steps import steps
    from ingest.bank import DataBank
    from ingest.bank.copies import check_is_folder, copy_out
    from ingest.settings import IngestSettings
    from registry.backup.place import BackupPlace
    from registry.backup.snapshot import BankReference
    from registry.backup.taking import take_backup

    ingest, place, engine, store = IngestSettings(), BackupPlace(destination), open_registry(), open_store()
    if with_bank:
        check_is_folder(ingest.bank)

    def save_bank() -> BankReference:
        bank = BankReference(url=ingest.bank, version=DataBank(ingest.bank, ingest.storage_options).version)
        if with_bank and bank.version is not None:
            copy_out(ingest.bank, ingest.storage_options, place, bank.version, report)
        return bank

    with steps() as report:
        name, snapshot = take_backup(engine, store, place, save_bank, now=utc_now(), report=report)
    engine.dispose()
    click.echo(told(name, snapshot, with_bank))
    if " " in snapshot.audit:
        click.echo(f"ILL  {snapshot.audit}; it was saved as it is: keep the backups before this one", err=True)


def told(name: str, snapshot: "Snapshot", with_bank: bool) -> str:
    n_rows, bank = sum(table.n_rows for table in snapshot.tables.values()), snapshot.bank
    where = "nothing banked yet" if bank.version is None else f"the bank {bank.url} at version {bank.version}"
    copied = " (copied)" if with_bank and bank.version is not None else ""
    return f"snapshot {name}: {n_rows:,} rows, {len(snapshot.artifacts)} artifacts, {where}{copied}"
