"""Importable toy jobs, for tests of the runner in which nothing is computed.

Every job appends its name to a file on start, so that a test sees how often it ran.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from jobflow import Flow, Response, job

from lps_flows.schemas.arrays import PackedArray


def _note(journal: str, name: str) -> None:
    with Path(journal).open("a") as file:
        file.write(f"{name} {os.getpid()}\n")


@job
def number(value: float, journal: str, name: str, seconds: float = 0.0) -> float:
    """Return `value` after `seconds`."""
    _note(journal, name)
    time.sleep(seconds)
    return value


@job
def total(
    values: list[float], journal: str, name: str = "total", seconds: float = 0.0
) -> float:
    """Return the sum of `values` after `seconds`."""
    _note(journal, name)
    time.sleep(seconds)
    return sum(values)


@job
def fan_out(n: int, journal: str, seconds: float = 0.0) -> Response:
    """Add `n` jobs and their sum in its own place."""
    _note(journal, "fan_out")
    jobs = [number(k, journal, f"leaf-{k}", seconds) for k in range(n)]
    for k, leaf in enumerate(jobs):
        leaf.name = f"leaf-{k}"
    last = total([leaf.output for leaf in jobs], journal)
    return Response(replace=Flow([*jobs, last], output=last.output))


@job
def detour(n: int, journal: str, fail: int = -1, switch: str = "") -> Response:
    """Add `n` jobs beside its own output; number `fail` needs the file `switch`."""
    _note(journal, "detour")
    jobs = [
        fragile(f"side-{k}", journal, switch if k == fail else __file__)
        for k in range(n)
    ]
    return Response(output=n, detour=Flow(jobs))


@job
def fragile(name: str, journal: str, switch: str) -> str:
    """Fail unless the file `switch` exists."""
    _note(journal, name)
    if not Path(switch).exists():
        message = f"{name} needs {switch}\nwhich is not there"
        raise FileNotFoundError(message)
    return name


@job(data="data")
def blob(n_bytes: int) -> dict[str, str]:
    """Return a document of `n_bytes`, to be stored in `data`."""
    return {"data": "x" * n_bytes}


@job
def talkative(text: str) -> None:
    """Print."""
    print(text)  # noqa: T201


def toy_flow(journal: Path | str, n: int = 4, seconds: float = 0.0) -> Flow:
    """Two first jobs, a fan-out of `n`, and a sum: n + 6 fireworks in three stages."""
    journal = str(journal)
    first = [number(k, journal, f"first-{k}", seconds) for k in (1, 2)]
    for k, each in enumerate(first):
        each.name = f"first-{k + 1}"
        each.update_metadata({"stage": "first"}, dynamic=True)
    many = fan_out(n, journal, seconds)
    many.name = "fan_out"
    many.update_metadata({"stage": "many"}, dynamic=True)
    values = [*[each.output for each in first], many.output]
    end = total(values, journal, "end", seconds)
    end.name = "end"
    end.update_metadata({"stage": "end"}, dynamic=True)
    return Flow([*first, many, end], output=end.output, name="toy")


def runs(journal: Path | str) -> dict[str, int]:
    """Return how often each job has started."""
    counts: dict[str, int] = {}
    if Path(journal).exists():
        for line in Path(journal).read_text().splitlines():
            name = line.split()[0]
            counts[name] = counts.get(name, 0) + 1
    return counts


@job
def fill_disk(before: float, journal: str, n_bytes: int) -> float:
    """Write a file of `n_bytes` into the run directory."""
    _note(journal, "fill_disk")
    Path("large").write_bytes(b"x" * n_bytes)
    return before


@job
def needs_engine() -> None:
    """Import what is not installed."""
    import no_such_engine  # noqa: F401


@job(data="frames")
def long_trajectory(n_frames: int, n_atoms: int, seed: int) -> dict[str, dict]:
    """Return the positions of atoms that diffuse, packed as in MD documents."""
    steps = np.random.default_rng(seed).normal(size=(n_frames, n_atoms, 3)) * 0.05
    frames = PackedArray.pack(np.cumsum(steps, axis=0), dtype="<f4")
    return {"frames": frames.model_dump()}
