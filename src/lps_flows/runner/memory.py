"""How a worker process deals with memory that it has freed."""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt, from malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_STEP = 256 * 1024**2


def keep_freed_memory() -> bool:
    """Let the C library keep freed memory of this process for what comes next.

    A graph network allocates and frees arrays of tens of MB hundreds of times in each
    evaluation. By default glibc gives each of them back to the system, which then
    fills every page with zeros again: 11 to 19 % of the time of 7net-0 and 7net-l3i5
    (docs/engines.md, Cost). The most memory that is used stays what it was; it is held
    until the process ends.

    Returns
    -------
    bool
        Whether the C library took it; others than glibc are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, _STEP))
    return all(mallopt(parameter, value) == 1 for parameter, value in settings)
