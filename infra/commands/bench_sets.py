"""`hypermatch bench sets`: what unlabeled texts are worth on every data set of a folder."""

from pathlib import Path

import click


@click.command("sets")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path),
              help="Folder of the figures, one JSON file per set; sets that have one are not measured again.")
@click.option("--draws", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--without", multiple=True, help="Leave out this label, such as one for texts out of scope.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(min=1), help="Sets measured at once.")
def command(folder: Path, out: Path, draws: int, without: tuple[str, ...], processes: int) -> None:
    """Run `bench learning` with all arms that need no language model on each labeled Parquet or CSV file in FOLDER.

    The other sets in the same script are the foreign texts of arm ossl. Files that are no
    labeled set are passed over, and it is said why.
    """
    from infra.bench.sets import Measuring, sets_in

    def say(line: str) -> None:
        click.echo(line, err=True)

    Measuring(draws, without, out, processes).run(sets_in(folder, without, say), say)
