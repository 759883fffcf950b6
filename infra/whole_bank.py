"""Where work on the whole bank runs: in this process, or on a Ray cluster where `--ray` asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trainer.whole_bank.chunks import Run

ray_option = click.option("--ray", "address", is_flag=False, flag_value="local", metavar="[ADDRESS]",
                          help="Work on the Ray cluster at ADDRESS (HOST:PORT, or auto for this machine's); "
                               "without it on the cores of this machine.")
workers_option = click.option("--workers", "n_workers", default=0, type=click.IntRange(0, 100_000),
                              help="Processes of one core each, with --ray; 0: one per core.")


@contextmanager
def working_on(address: str | None, n_workers: int, threads: int) -> Iterator[tuple[Run, int]]:
    """Return what works on the whole bank, and the threads of each process that does."""
    if address is None:
        if n_workers:
            raise click.UsageError("--workers goes with --ray")
        from trainer.whole_bank.alone import in_this_process

        yield in_this_process, threads
        return
    from trainer.errors import TrainerError

    try:
        from trainer.whole_bank.on_ray import cluster
    except ModuleNotFoundError as error:
        raise TrainerError(f"--ray needs the package {error.name!r}, which is not installed",
                           "run `pip install 'hypermatch[ray]'`, or leave --ray out") from error
    with cluster(address, n_workers) as reached:
        yield reached.run, 1
