"""Gives memory back that the allocator keeps after heavy work, so that a trainer holds no more than it uses."""

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)          # glibc's; other C libraries have none


def give_back() -> None:
    """Return what was freed to the system; it costs some milliseconds, and does nothing where the C library cannot.

    Training and looks leave freed pieces between living ones in every thread's arena, and
    glibc keeps them: without this a trainer grows for hours while it uses no more.
    """
    if _trim is not None:
        _trim(0)
