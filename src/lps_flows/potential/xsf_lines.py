"""The lines of an XSF file, one after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from lps_flows.potential.errors import XSFError
from lps_flows.potential.fortran import count, parse_real
from lps_flows.potential.xsf_units import force_unit, states_energy, total_energy

# No length (Å), energy (eV) or force (eV/Å) of a structure is as large.
_LARGEST = 1e10


class LineReader:
    """Lines of one XSF file, with errors that name them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        except OSError as error:
            raise self.error(0, f"cannot be read ({error})") from None
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            # Latin-1 takes every byte: comments may hold anything
            text = data.decode("latin-1")
        self.lines = text.splitlines()
        self.at = 0

    def error(self, line: int, problem: str) -> XSFError:
        """Return the error for a line, 0 for the file as a whole."""
        where = f"line {line}: " if line else ""
        return XSFError(
            where + problem,
            field="path",
            value=str(self.path),
            remedy="Compare with ænet's XSF format: a total energy comment, PRIMVEC "
            "and PRIMCOORD, or ATOMS",
        )

    def next(self) -> str:
        """Return the next line."""
        if self.at >= len(self.lines):
            raise self.error(self.at, "the file ends early")
        self.at += 1
        return self.lines[self.at - 1]

    def words(self) -> list[str]:
        """Return the words of the next line that is neither blank nor a comment."""
        words = self.next().split()
        while not words or words[0].startswith("#"):
            words = self.next().split()
        return words

    def results(self, rows: list[tuple[str, list[float]]]) -> dict[str, Any]:
        """Return the energy (eV) of the comments, the last one, and the forces."""
        labels: dict[str, Any] = {}
        unit = "ev"
        try:
            for number, line in enumerate(self.lines, start=1):
                if states_energy(line):
                    self.at = number
                    labels["energy"], unit = total_energy(line, len(rows))
                    self.finite(labels["energy"])
            self.at = 0
            if len(rows[0][1]) == 6:
                forces = np.array([values[3:] for _, values in rows])
                labels["forces"] = forces * force_unit(self.lines, unit)
        except ValueError as error:
            raise self.error(self.at, str(error)) from None
        return labels

    def skip_block(self, name: str) -> None:
        """Pass over what stands between BEGIN_name and END_name."""
        while not self.next().strip().upper().startswith(f"END_{name}"):
            pass

    def number(self, word: str) -> float:
        """Return a number as Fortran writes it."""
        try:
            value = parse_real(word)
        except ValueError as error:
            raise self.error(self.at, str(error)) from None
        return self.finite(value)

    def finite(self, value: float) -> float:
        """Return a number that a structure may hold."""
        if not abs(value) < _LARGEST:
            raise self.error(self.at, f"not a finite number, or too large: {value}")
        return value

    def row(self) -> tuple[str, list[float]]:
        """Return an atom: its element and 3 or 6 numbers."""
        words = self.words()
        if len(words) != 4 and len(words) < 7:
            raise self.error(
                self.at, f"an atom needs 4 or 7 columns, this row has {len(words)}"
            )
        # ænet reads no further than the forces
        return self.symbol(words[0]), [self.number(w) for w in words[1:7]]

    def symbol(self, word: str) -> str:
        """Return the element that a symbol or an atomic number names."""
        if 0 < (count(word) or 0) < len(chemical_symbols):
            return chemical_symbols[int(word)]
        if atomic_numbers.get(word.capitalize(), 0) == 0:
            raise self.error(self.at, f"not an element: {word!r}")
        return word.capitalize()
