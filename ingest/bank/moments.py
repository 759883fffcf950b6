"""Counts the rows of one file by task and by the moment they were banked at."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Moments:
    """Rows by task and moment, the moments of each task together; `tasks` holds None for rows without one."""

    tasks: list[str | None]
    begins: np.ndarray                                # (n_tasks + 1,): where the moments of each begin, and the end
    banked_at: np.ndarray                             # microseconds
    n_rows: np.ndarray                                # banked at each moment

    def n_rows_of_each(self) -> np.ndarray:
        """Return the rows of each task, in the order of `tasks`."""
        return np.add.reduceat(self.n_rows, self.begins[:-1]) if self.tasks else np.empty(0, np.int64)

    def n_later(self, task: str | None, after: int) -> int:
        """Count the rows of `task` that were banked after a moment, in microseconds."""
        if task not in self.tasks:
            return 0
        number = self.tasks.index(task)
        own = slice(self.begins[number], self.begins[number + 1])
        return int(self.n_rows[own][self.banked_at[own] > after].sum())


def moments_of(rows: pa.Table) -> Moments:
    """Count `rows`, of which `task` and `banked_at` are looked at."""
    counted = rows.group_by(["task", "banked_at"]).aggregate([([], "count_all")])
    tasks = counted["task"].combine_chunks().dictionary_encode()
    codes = tasks.indices.fill_null(len(tasks.dictionary)).to_numpy()
    order = np.argsort(codes, kind="stable")
    found, begins = np.unique(codes[order], return_index=True)
    names = [*tasks.dictionary.to_pylist(), None]
    return Moments([names[code] for code in found], np.append(begins, len(codes)),
                   counted["banked_at"].cast(pa.int64()).to_numpy()[order], counted["count_all"].to_numpy()[order])
