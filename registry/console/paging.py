"""Pages of long lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Paging:
    """Which part of a list is shown."""

    page: int
    per_page: int
    n_total: int

    @property
    def n_pages(self) -> int:
        return max(-(-self.n_total // self.per_page), 1)

    @property
    def first(self) -> int:
        return min((self.page - 1) * self.per_page + 1, self.n_total)

    @property
    def last(self) -> int:
        return min(self.page * self.per_page, self.n_total)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page


def paged(rows: Sequence[T], page: int, per_page: int) -> tuple[Sequence[T], Paging]:
    """Return one page of rows that are all at hand; a page beyond the end is the last one."""
    paging = Paging(page, per_page, len(rows))
    paging = Paging(min(page, paging.n_pages), per_page, len(rows))
    return rows[paging.offset : paging.offset + per_page], paging
