"""`hypermatch sbom`: write what is installed as a CycloneDX bill of materials."""

from pathlib import Path

import click


@click.command("sbom")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path),
              help="File to write.  [default: standard output]")
def command(out: Path | None) -> None:
    """Write each installed package with version, license and what needs it, as CycloneDX 1.6 (JSON)."""
    from infra.sbom import bill_of_materials

    document = bill_of_materials()
    if out is None:
        click.echo(document)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(document)
    click.echo(f"{out}: {document.count('purl')} packages")
