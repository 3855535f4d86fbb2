"""How many threads, and sharing ranges of atoms among them.

Plain Python threads over compiled code that releases the interpreter lock: unlike an
OpenMP pool they survive a fork of the process, which workers of a queue do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

_Result = TypeVar("_Result")
_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def available_threads() -> int:
    """Return OMP_NUM_THREADS when it is set, else the CPUs this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def split_range(n: int, n_parts: int, largest: int) -> list[tuple[int, int]]:
    """Split ``0..n`` into `n_parts` equal ranges, or more, none above `largest`."""
    n_parts = max(1, n_parts, -(-n // largest))
    edges = [n * k // n_parts for k in range(n_parts + 1)]
    return [(a, b) for a, b in pairwise(edges) if b > a]


def run_all(
    work: Callable[[int, int], _Result], ranges: list[tuple[int, int]], threads: int
) -> list[_Result]:
    """Call ``work(begin, end)`` for each range, on up to `threads` threads."""
    if threads <= 1 or len(ranges) <= 1:
        return [work(a, b) for a, b in ranges]
    key = (os.getpid(), threads)
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(threads, thread_name_prefix="lps-potential")
    return list(_pools[key].map(lambda r: work(*r), ranges))
