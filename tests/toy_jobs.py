"""Importable toy jobs, for tests of the runner in which nothing is computed.

Every job appends its name to a file on start, so that a test sees how often it ran.
"""

from __future__ import annotations

import os
import resource
import shutil
import time
from pathlib import Path

import numpy as np
from jobflow import Flow, Response, job
from pymatgen.core import Structure

from lps_flows.chemistry import crystal, supercell_near
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import MDChunkDocument, MDFrames


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
def weigh(blob: dict[str, str], journal: str, switch: str, seconds: float) -> int:
    """Return the size of what it is given after `seconds`, if `switch` exists."""
    _note(journal, "weigh")
    time.sleep(seconds)
    if not Path(switch).exists():
        raise FileNotFoundError(switch)
    return len(blob["data"])


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
def refused(number: int, journal: str, room: str) -> int:
    """Fail to write, with the system's error `number`, until the file `room` exists."""
    _note(journal, "refused")
    if not Path(room).exists():
        raise OSError(number, os.strerror(number), room)
    return number


@job
def greedy(journal: str) -> int:
    """Ask for more memory than a process may have."""
    _note(journal, "greedy")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**36, before[1]))
    try:
        return len(bytearray(2**37))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@job
def vanish(journal: str) -> str:
    """Lose the run directory before a result is written there."""
    _note(journal, "vanish")
    here = Path.cwd()
    shutil.rmtree(here)
    return Path("result").write_text("lost")


@job
def needs_engine() -> None:
    """Import what is not installed."""
    import no_such_engine  # noqa: F401


GLASS_ATOMS, FRAME_FS = 119, 6.0


def glass() -> Structure:
    """119 atoms of the size that production runs have: beta-Li3PS4 minus 3 Li2S."""
    cell = supercell_near(crystal("beta-Li3PS4"), 128)
    lithium, sulfur = (cell.indices_from_symbol(symbol) for symbol in ("Li", "S"))
    cell.remove_sites([*lithium[:6], *sulfur[:3]])
    return cell


@job(output_schema=MDChunkDocument, data=["frames"])
def long_chunk(number: int, n_frames: int) -> MDChunkDocument:
    """Return chunk `number` of a run in which Li diffuses and the rest vibrates."""
    structure = glass()
    mobile = np.array([site.specie.symbol == "Li" for site in structure])

    def steps(chunk: int) -> np.ndarray:
        rng = np.random.default_rng(chunk)
        return rng.normal(size=(n_frames, mobile.sum(), 3), scale=0.05)

    before = sum((steps(k).sum(axis=0) for k in range(number)), np.zeros(3))
    noise = np.random.default_rng([number, 1])
    positions = structure.cart_coords + noise.normal(
        size=(n_frames, len(structure), 3), scale=0.05
    )
    positions[:, mobile] += before + np.cumsum(steps(number), axis=0)
    first = number * n_frames
    known = np.full(n_frames, 900.0) + noise.normal(size=n_frames, scale=30.0)
    return MDChunkDocument(
        method="toy",
        label="glass",
        temperature=900.0,
        time_step=FRAME_FS,
        first_step=first,
        last_step=first + n_frames,
        n_frames=n_frames,
        equilibration=False,
        structure=structure,
        frames=MDFrames(
            steps=PackedArray.pack(first + np.arange(n_frames), "<i8"),
            positions=PackedArray.pack(positions, "<f4"),
            temperatures=PackedArray.pack(known),
            potential_energies=PackedArray.pack(known),
            conserved_energies=PackedArray.pack(known),
        ),
    )
