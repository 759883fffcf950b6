"""Messages as Kafka gave them, packed so that a batch travels to another process as three buffers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Place = tuple[str, int]                        # topic and partition


@dataclass(frozen=True)
class RawBatch:
    """Messages of one partition in order: their bytes joined, where each ends, and their offsets."""

    topic: str
    partition: int
    joined: bytes                              # with a line feed after each message
    ends: np.ndarray                           # (n,) int64, before the line feed
    offsets: np.ndarray                        # (n,) int64

    @classmethod
    def of(cls, place: Place, values: Sequence[bytes | None], offsets: Sequence[int]) -> "RawBatch":
        contents = values if None not in values else [value or b"" for value in values]
        lengths = np.fromiter(map(len, contents), dtype=np.int64, count=len(contents))          # type: ignore[arg-type]
        joined = b"\n".join(contents) + b"\n"                                                   # type: ignore[arg-type]
        return cls(*place, joined, np.cumsum(lengths + 1) - 1, np.array(offsets, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def place(self) -> Place:
        return self.topic, self.partition

    @property
    def next_offset(self) -> int:
        return int(self.offsets[-1]) + 1

    def values(self) -> list[bytes]:
        ends = self.ends.tolist()
        begins = [0, *(end + 1 for end in ends[:-1])]
        return [self.joined[begin:end] for begin, end in zip(begins, ends, strict=True)]

    def is_one_message_per_line(self) -> bool:
        return self.joined.count(b"\n") == len(self)
