"""`hypermatch doctor`: check that everything is as it should be."""

import click

from infra.roots import open_registry, open_store, utc_now


@click.command("doctor")
@click.option("--without-kafka", is_flag=True, help="Leave out what needs the brokers.")
def command(without_kafka: bool) -> None:
    """Check packages, registry, artifacts, broker, bank and processes; exit code 1 if anything is wrong."""
    from infra.doctor.finding import examine
    from infra.doctor.ingest_checks import ingest_checks
    from infra.doctor.machine_checks import machine_checks
    from infra.doctor.registry_checks import registry_checks
    from ingest.bank import DataBank
    from ingest.connection import quiet_client_log
    from ingest.settings import IngestSettings

    quiet_client_log()
    settings = IngestSettings()
    checks = [*machine_checks(), *registry_checks(open_registry(), open_store(), utc_now())]
    if not without_kafka:
        checks += ingest_checks(DataBank(settings.bank, settings.storage_options), settings)
    findings = []
    for finding in examine(checks):
        findings.append(finding)
        mend = f"; {finding.mend}" if finding.mend else ""
        click.echo(f"{'ok  ' if finding.is_well else 'ILL '} {finding.about:<15} {finding.says}{mend}")
    raise SystemExit(0 if all(finding.is_well for finding in findings) else 1)
