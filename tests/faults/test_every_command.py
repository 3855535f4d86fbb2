"""No command to MongoDB is one at which an interruption loses or doubles anything.

`python -m benchmarks.fault_commands --every 1` interrupts every single one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lps_flows.runner import PrivateMongod
from tests.faults.every_command import Fault, Kind, Play, count_commands, play


def plays(
    server: PrivateMongod,
    folder: Path,
    kind: Kind,
    fault: Fault,
    every: int,
) -> Iterator[Play]:
    n_commands = count_commands(server, folder, kind)
    assert n_commands > 100
    for at in range(1, n_commands + 1, every):
        yield play(server, folder / f"{at}", kind, fault, at)


def check(found: Play) -> None:
    assert found.complete, found
    assert (found.lost, found.duplicated) == (0, 0), found


@pytest.mark.parametrize("kind", ["stock", "ours"])
def test_some_commands(mongod: PrivateMongod, tmp_path: Path, kind: Kind) -> None:
    for found in plays(mongod, tmp_path, kind, "killed", every=61):
        check(found)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["killed", "away briefly", "away for good"])
@pytest.mark.parametrize("kind", ["stock", "ours"])
def test_more_commands(
    mongod: PrivateMongod, tmp_path: Path, kind: Kind, fault: Fault
) -> None:
    for found in plays(mongod, tmp_path, kind, fault, every=11):
        check(found)
