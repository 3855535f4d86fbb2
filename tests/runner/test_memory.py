"""Freed memory stays with a worker process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Page faults of allocating, filling and freeing 64 MB twenty times: 16,384 pages each
# where the system takes them back, and those of the first time alone where it does not.
PROBE = """
import resource, sys
import numpy as np
from lps_flows.runner.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
np.ones(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(2**23)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(way: str) -> int:
    told = subprocess.run(
        [sys.executable, "-c", PROBE, way], capture_output=True, text=True, check=True
    )
    return int(told.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's mallopt")
def test_what_was_freed_is_used_again_without_asking_the_system() -> None:
    assert faults("keep") < 0.05 * faults("give back")
