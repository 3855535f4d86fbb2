"""Whole frames of a trajectory file: a run that was killed leaves half of its last."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

_NUMBERED = re.compile(r"Direct configuration=\s*(\d{1,18})\s*$")


class _CutOffError(Exception):
    """The file ends within a frame."""


@dataclass(frozen=True)
class FrameCount:
    """What is whole in a file.

    Attributes
    ----------
    numbers
        Number that each whole frame bears, none where it bears none.
    n_lines
        Lines of these frames.
    cut
        Whether more of a frame follows.
    """

    numbers: list[int | None]
    n_lines: int
    cut: bool

    @property
    def index(self) -> str:
        """The whole frames, as ASE's readers take it."""
        return f":{len(self.numbers)}"

    @property
    def steps(self) -> list[int | None]:
        """Steps of the dynamics by the numbers, where these tell more than a count.

        Files of several runs one after the other begin to count anew; all frames are
        as far apart as those of one run, where these are evenly so.
        """
        known = [number for number in self.numbers if number is not None]
        apart = [b - a for a, b in pairwise(known)]
        forward = {step for step in apart if step > 0}
        if len(known) < len(self.numbers) or forward <= {1}:
            return [None] * len(self.numbers)
        if len(forward) == 1:
            (step,) = forward
            return [step * k for k in range(len(known))]
        return list(known) if min(apart) > 0 else [None] * len(self.numbers)


def count_frames(lines: Iterator[str], kind: str) -> FrameCount:
    """Count the whole frames of an XDATCAR, a text dump of LAMMPS or extended XYZ.

    A last line without its end counts as cut off: a number in it may be.

    Parameters
    ----------
    kind
        "xdatcar", "lammps" or "extxyz".

    Raises
    ------
    ValueError
        When the file is malformed.
    """
    counting = _Counting(lines)
    numbers: list[int | None] = []
    n_lines = 0
    try:
        for number in _FRAMES[kind](counting):
            numbers.append(number)
            n_lines = counting.n
    except _CutOffError:
        return FrameCount(numbers, n_lines, cut=True)
    return FrameCount(numbers, n_lines, cut=False)


class _Counting:
    """Lines, and how many of them were taken."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.n = lines, 0

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.n += 1
            yield line

    def take(self, n: int) -> list[str]:
        """Return the next lines; all of them are there, to their ends."""
        taken = list(islice(self, n))
        if len(taken) < n or not all(line.endswith("\n") for line in taken[-1:]):
            raise _CutOffError
        return taken


def _of_xdatcar(lines: _Counting) -> Iterator[int | None]:
    n_atoms = 0
    for line in lines:
        numbered = line
        if "Direct configuration=" not in line:
            # the last line of a file may be empty, and so may be the name of a system
            head = list(islice(lines, 7))
            if not any(map(str.strip, (line, *head))):
                return
            if len(head) < 7:
                raise _CutOffError
            n_atoms = sum(map(int, head[5].split()))
            numbered = head[6]
        match = _NUMBERED.search(numbered)
        lines.take(n_atoms)
        yield int(match[1]) if match else None


def _of_lammps(lines: _Counting) -> Iterator[int | None]:
    n_atoms, begun = 0, False
    for line in lines:
        begun = begun or line.startswith("ITEM:")
        if "ITEM: NUMBER OF ATOMS" in line:
            n_atoms = int(lines.take(1)[0])
        elif "ITEM: ATOMS" in line:
            lines.take(n_atoms)
            begun = False
            yield None
    if begun:
        raise _CutOffError


def _of_extxyz(lines: _Counting) -> Iterator[int | None]:
    for line in lines:
        if line.startswith("VEC"):
            continue
        if not line.strip():  # as for ASE, the end
            return
        lines.take(int(line) + 1)
        yield None


_FRAMES: dict[str, Callable[[_Counting], Iterator[int | None]]] = {
    "xdatcar": _of_xdatcar,
    "lammps": _of_lammps,
    "extxyz": _of_extxyz,
}
