"""Reads protobuf messages field by field without copying: a parser would copy every weight and hold up all answers."""

from collections.abc import Iterable, Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5          # wire types; groups (3 and 4) are not in ONNX
LONGEST_VARINT = 10


class Malformed(ValueError):
    """The bytes are no protobuf message."""


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field: a whole number, or a view of its bytes.

    Every occurrence of a field is yielded, also those a parser would merge or let the
    last one win. Raises Malformed on whatever is cut off or of an unknown wire type.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == BYTES:
            length, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise Malformed(f"wire type {kind} at byte {at}")
        if at + length > len(message):
            raise Malformed(f"a field of {length} bytes is cut off at byte {at}")
        yield key >> 3, message[at:at + length]
        at += length


def encoded(parts: Iterable[tuple[int, int | bytes | memoryview]]) -> Iterator[bytes | memoryview]:
    """Yield the pieces of a message with these fields; what was read from a message is not copied."""
    for number, value in parts:
        if isinstance(value, int):
            yield _written(number << 3 | VARINT) + _written(value)
        else:
            yield opening(number, len(value))
            yield value


def opening(number: int, n_bytes: int) -> bytes:
    """Return what stands before a field of `n_bytes` bytes."""
    return _written(number << 3 | BYTES) + _written(n_bytes)


def _written(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for index in range(LONGEST_VARINT):
        if at + index >= len(message):
            raise Malformed(f"a number is cut off at byte {at}")
        byte = message[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise Malformed(f"a number at byte {at} does not end")
