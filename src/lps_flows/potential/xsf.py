"""XSF files as ænet uses them: one structure, its energy in a comment, forces beside.

Periodic structures are CRYSTAL / PRIMVEC / PRIMCOORD, isolated ones ATOMS. The energy
is the comment ``# total energy = X eV``; rows of seven columns carry forces. What else
the format knows (conventional cells, data grids, other comments) is passed over.
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
from lps_flows.potential.fortran import parse_real
from lps_flows.potential.geometry import AnyStructure, element_symbols

_ENERGY = re.compile(
    r"total\s+energy\s*(?:\([^)]*\)|\[[^]]*\])?\s*=\s*([^\s,;]+)", re.IGNORECASE
)
_PASSED_OVER = ("CRYSTAL", "MOLECULE", "SLAB", "POLYMER")


class _Reader:
    """Lines of one file, with errors that name them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        except OSError as error:
            raise self.error(0, f"cannot be read ({error})") from None
        # Latin-1 takes every byte: comments may hold anything
        self.lines = data.decode("latin-1").splitlines()
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

    def words(self) -> list[str]:
        """Return the words of the next line that is neither blank nor a comment."""
        words = self.next().split()
        while not words or words[0].startswith("#"):
            words = self.next().split()
        return words

    def energy(self) -> float | None:
        """Return the total energy of the comments (eV), the last one given."""
        value = None
        for number, line in enumerate(self.lines, start=1):
            found = _ENERGY.search(line)
            if found:
                self.at = number
                value = self.number(found.group(1))
        self.at = 0
        return value

    def skip_block(self, name: str) -> None:
        """Pass over what stands between BEGIN_name and END_name."""
        while not self.next().strip().upper().startswith(f"END_{name}"):
            pass

    def number(self, word: str) -> float:
        try:
            value = parse_real(word)
        except ValueError as error:
            raise self.error(self.at, str(error)) from None
        if not np.isfinite(value):
            raise self.error(self.at, f"not a finite number: {word!r}")
        return value

    def row(self) -> tuple[str, list[float]]:
        words = self.words()
        if len(words) != 4 and len(words) < 7:
            raise self.error(
                self.at, f"an atom needs 4 or 7 columns, this row has {len(words)}"
            )
        # ænet reads no further than the forces
        return self.symbol(words[0]), [self.number(w) for w in words[1:7]]

    def symbol(self, word: str) -> str:
        if word.isdigit() and 0 < int(word) < len(chemical_symbols):
            return chemical_symbols[int(word)]
        if atomic_numbers.get(word.capitalize(), 0) == 0:
            raise self.error(self.at, f"not an element: {word!r}")
        return word.capitalize()


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
    reader = _Reader(Path(path).expanduser())
    energy = reader.energy()
    cell: np.ndarray | None = None
    rows: list[tuple[str, list[float]]] | None = None
    while reader.at < len(reader.lines):
        line = reader.next().strip()
        keyword = line.split()[0].upper() if line else ""
        if keyword == "PRIMVEC":
            cell = _vectors(reader)
        elif keyword == "PRIMCOORD":
            rows = _counted(reader)
        elif keyword == "ATOMS":
            rows = _rest(reader)
        elif keyword == "CONVVEC":
            _vectors(reader)
        elif keyword == "CONVCOORD":
            _counted(reader)
        elif keyword.startswith("BEGIN_"):
            reader.skip_block(keyword.removeprefix("BEGIN_"))
        elif keyword == "ANIMSTEPS":
            raise reader.error(reader.at, "an animation; one structure is expected")
        elif line and not _ENERGY.search(line) and not _passed_over(keyword):
            raise reader.error(reader.at, f"not expected here: {line[:40]!r}")
    if not rows:
        raise reader.error(len(reader.lines), "no atoms")
    if energy is None and require_energy:
        raise reader.error(0, "no total energy in it")
    return _atoms(reader, energy, cell, rows)


def _passed_over(keyword: str) -> bool:
    return keyword.startswith("#") or keyword in _PASSED_OVER


def _vectors(reader: _Reader) -> np.ndarray:
    vectors = []
    for _ in range(3):
        words = reader.words()
        if len(words) != 3:
            raise reader.error(reader.at, "a cell vector needs 3 columns")
        vectors.append([reader.number(w) for w in words])
    return np.array(vectors)


def _counted(reader: _Reader) -> list[tuple[str, list[float]]]:
    words = reader.words()
    if not words[0].isdigit() or int(words[0]) < 1:
        raise reader.error(reader.at, "the number of atoms is expected here")
    return [reader.row() for _ in range(int(words[0]))]


def _rest(reader: _Reader) -> list[tuple[str, list[float]]]:
    rows = []
    while reader.at < len(reader.lines):
        line = reader.lines[reader.at].strip()
        if not line:
            break
        if line.startswith("#"):
            reader.at += 1
        else:
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
        When the structure is periodic in some directions only, has no energy, or its
        numbers are not finite or not of the right shape.
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
    if forces is not None and np.shape(forces) != positions.shape:
        raise XSFError(
            f"must be of shape {positions.shape}",
            field="forces",
            value=np.shape(forces),
            remedy="Give one force per atom, or none at all",
        )
    table = positions if forces is None else np.hstack([positions, forces])
    if not (np.isfinite(table).all() and np.isfinite(cell).all()):
        raise XSFError("positions, forces and cell must be finite", field="structure")
    if not np.isfinite(energy):
        raise XSFError("the energy is not finite", field="energy", value=energy)
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
    path = Path(path).expanduser()
    path.write_text("\n".join([*lines, *rows]) + "\n", encoding="utf-8")
    return path


def _known(atoms: Atoms, name: str) -> Any:
    try:
        return atoms.calc.get_property(name, atoms, allow_calculation=False)
    except PropertyNotImplementedError:
        return None
