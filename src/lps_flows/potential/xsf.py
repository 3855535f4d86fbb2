"""XSF files as ænet uses them: one structure, its energy in a comment, forces beside.

Periodic structures are CRYSTAL / PRIMVEC / PRIMCOORD, isolated ones ATOMS. The energy
is the comment ``# total energy = X eV``; rows of seven columns carry forces.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers, chemical_symbols

from lps_flows.potential.errors import XSFError
from lps_flows.potential.geometry import AnyStructure, element_symbols

_ENERGY = re.compile(r"total\s+energy\s*=\s*(\S+)", re.IGNORECASE)


class _Reader:
    """Lines of one file, with errors that name them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise self.error(0, f"cannot be read ({error})") from None
        self.at = 0

    def error(self, line: int, problem: str) -> XSFError:
        where = f"line {line}: " if line else ""
        return XSFError(
            where + problem,
            field="path",
            value=str(self.path),
            remedy="Compare with ænet's XSF format: a total energy comment, PRIMVEC "
            "and PRIMCOORD, or ATOMS",
        )

    def next(self) -> str:
        if self.at >= len(self.lines):
            raise self.error(self.at, "the file ends early")
        self.at += 1
        return self.lines[self.at - 1]

    def number(self, word: str) -> float:
        try:
            value = float(word.lower().replace("d", "e"))
        except ValueError:
            raise self.error(self.at, f"not a number: {word!r}") from None
        if not np.isfinite(value):
            raise self.error(self.at, f"not a finite number: {word!r}")
        return value

    def row(self) -> tuple[str, list[float]]:
        words = self.next().split()
        if len(words) not in (4, 7):
            raise self.error(
                self.at, f"an atom needs 4 or 7 columns, this row has {len(words)}"
            )
        return self.symbol(words[0]), [self.number(w) for w in words[1:]]

    def symbol(self, word: str) -> str:
        if word.isdigit() and 0 < int(word) < len(chemical_symbols):
            return chemical_symbols[int(word)]
        if atomic_numbers.get(word, 0) == 0:
            raise self.error(self.at, f"not an element: {word!r}")
        return word


def read_xsf(path: str | Path, *, require_energy: bool = True) -> Atoms:
    """Read one structure.

    Parameters
    ----------
    path
        The file.
    require_energy
        Whether a file without a total energy is an error.

    Returns
    -------
    ase.Atoms
        With a calculator that holds the energy (eV) and forces (eV/Å) of the file.

    Raises
    ------
    XSFError
        Naming file and line when the file is malformed or lacks its energy.
    """
    reader = _Reader(Path(path))
    energy: float | None = None
    cell: np.ndarray | None = None
    rows: list[tuple[str, list[float]]] | None = None
    while reader.at < len(reader.lines):
        line = reader.next().strip()
        found = _ENERGY.search(line)
        if found:
            energy = reader.number(found.group(1))
        elif line.startswith("PRIMVEC"):
            cell = _vectors(reader)
        elif line.startswith("PRIMCOORD"):
            rows = _counted(reader)
        elif line.startswith("ATOMS"):
            rows = _rest(reader)
        elif line.startswith("CONVVEC"):
            _vectors(reader)
        elif line.startswith("ANIMSTEPS"):
            raise reader.error(reader.at, "an animation; one structure is expected")
        elif line and not line.startswith(("#", "CRYSTAL", "MOLECULE", "SLAB")):
            raise reader.error(reader.at, f"not expected here: {line[:40]!r}")
    if not rows:
        raise reader.error(len(reader.lines), "no atoms")
    if energy is None and require_energy:
        raise reader.error(0, "no total energy in it")
    return _atoms(reader, energy, cell, rows)


def _vectors(reader: _Reader) -> np.ndarray:
    vectors = []
    for _ in range(3):
        words = reader.next().split()
        if len(words) != 3:
            raise reader.error(reader.at, "a cell vector needs 3 columns")
        vectors.append([reader.number(w) for w in words])
    return np.array(vectors)


def _counted(reader: _Reader) -> list[tuple[str, list[float]]]:
    words = reader.next().split()
    if not words or not words[0].isdigit() or int(words[0]) < 1:
        raise reader.error(reader.at, "the number of atoms is expected here")
    return [reader.row() for _ in range(int(words[0]))]


def _rest(reader: _Reader) -> list[tuple[str, list[float]]]:
    rows = []
    while reader.at < len(reader.lines) and reader.lines[reader.at].strip():
        rows.append(reader.row())
    return rows


def _atoms(
    reader: _Reader,
    energy: float | None,
    cell: np.ndarray | None,
    rows: list[tuple[str, list[float]]],
) -> Atoms:
    if len({len(values) for _, values in rows}) != 1:
        raise reader.error(0, "some rows have forces and some have none")
    numbers = np.array([values for _, values in rows])
    if cell is not None and abs(np.linalg.det(cell)) < 1e-9:
        raise reader.error(0, "the cell has no volume")
    atoms = Atoms(
        [symbol for symbol, _ in rows],
        positions=numbers[:, :3],
        cell=cell,
        pbc=cell is not None,
    )
    results: dict[str, Any] = {}
    if energy is not None:
        results["energy"] = energy
    if numbers.shape[1] == 6:
        results["forces"] = numbers[:, 3:].copy()
    if results:
        atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def write_xsf(
    path: str | Path,
    structure: AnyStructure,
    energy: float | None = None,
    forces: np.ndarray | None = None,
) -> Path:
    """Write one structure; what `read_xsf` reads back is identical to the last bit.

    Parameters
    ----------
    path
        The file.
    structure
        pymatgen Structure or Molecule, or ASE Atoms, periodic in all directions or in
        none.
    energy
        Total energy (eV); by default that of the Atoms' calculator.
    forces
        (n_atoms, 3) (eV/Å); by default those of the Atoms' calculator.

    Raises
    ------
    XSFError
        When the structure is periodic in some directions only, or has no energy.
    """
    if isinstance(structure, Atoms):
        positions, cell = structure.positions, structure.cell.array
        pbc = np.array(structure.pbc)
        if structure.calc is not None:
            energy = _known(structure, "energy") if energy is None else energy
            forces = _known(structure, "forces") if forces is None else forces
    else:
        positions = structure.cart_coords
        lattice = getattr(structure, "lattice", None)
        cell = np.zeros((3, 3)) if lattice is None else lattice.matrix
        pbc = np.array((False,) * 3 if lattice is None else lattice.pbc)
    if pbc.any() != pbc.all():
        raise XSFError(
            "ænet's XSF files are periodic in all directions or in none",
            field="pbc",
            value=pbc.tolist(),
            remedy="Add vacuum and make it periodic",
        )
    if energy is None:
        raise XSFError(
            "ænet needs the total energy",
            field="energy",
            value=None,
            remedy="Pass energy=",
        )
    table = positions if forces is None else np.hstack([positions, forces])
    rows = [
        f"{symbol:<2s} " + " ".join(f"{value:24.16e}" for value in values)
        for symbol, values in zip(element_symbols(structure), table, strict=True)
    ]
    lines = [f"# total energy = {float(energy)!r} eV", ""]
    if pbc.any():
        lines += ["CRYSTAL", "PRIMVEC"]
        lines += [" ".join(f"{value:24.16e}" for value in vector) for vector in cell]
        lines += ["PRIMCOORD", f"{len(rows)} 1"]
    else:
        lines += ["ATOMS"]
    path = Path(path)
    path.write_text("\n".join([*lines, *rows]) + "\n", encoding="utf-8")
    return path


def _known(atoms: Atoms, name: str) -> Any:
    try:
        return atoms.calc.get_property(name, atoms, allow_calculation=False)
    except PropertyNotImplementedError:
        return None
