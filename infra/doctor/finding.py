"""A finding of the doctor: what was looked at, whether it is as it should be, and what to do if not."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from registry.errors import HyperMatchError


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    about: str
    is_well: bool
    says: str
    mend: str = ""


Check = Callable[[], str]                             # returns what it found; raises HyperMatchError or OSError if ill


def examine(checks: Iterable[tuple[str, Check]]) -> Iterable[Finding]:
    """Run every check; one that fails does not keep the others from running."""
    for about, check in checks:
        try:
            yield Finding(about, True, check())
        except HyperMatchError as error:
            yield Finding(about, False, error.what, error.mend)
        except OSError as error:
            yield Finding(about, False, str(error))


class Ill(HyperMatchError):
    """Something the doctor found out of order."""
