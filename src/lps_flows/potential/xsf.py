"""XSF files as ænet uses them: one structure, its energy in a comment, forces beside.

Periodic structures are CRYSTAL / PRIMVEC / PRIMCOORD, isolated ones ATOMS; SLAB is
periodic along the first two cell vectors, POLYMER along the first. The energy is the
comment ``# total energy = X eV``; rows of seven columns carry forces, in eV/Å as ænet
reads them unless a comment such as ``# forces in Ha/Ang`` says otherwise. What else
the format knows (conventional cells, data grids, other comments) is passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.singlepoint import SinglePointCalculator

from lps_flows.chemistry import AnyStructure, element_symbols
from lps_flows.foundation.writing import write_text
from lps_flows.potential.errors import XSFError
from lps_flows.potential.fortran import count
from lps_flows.potential.xsf_lines import LineReader
from lps_flows.potential.xsf_units import states_energy

_PERIODIC = {
    "CRYSTAL": (True, True, True),
    "SLAB": (True, True, False),
    "POLYMER": (True, False, False),
    "MOLECULE": (False, False, False),
}


def read_xsf(path: str | Path, *, require_energy: bool = True) -> Atoms:
    """Read one structure.

    Parameters
    ----------
    require_energy
        Whether a file without a total energy is an error.

    Returns
    -------
    ase.Atoms
        Periodic as its keyword says, with a calculator that holds the energy (eV) and
        forces (eV/Å) of the file.

    Raises
    ------
    XSFError
        Naming file and line when the file is malformed, lacks its energy, holds more
        than one structure, or states a unit that is not known.

    Notes
    -----
    An energy is taken in the unit beside it (eV, meV, Ry, Ha, kJ/mol, kcal/mol, each
    also per atom), in eV without one. ASE's own writer puts forces in Ha/Å and says
    nothing of it: add ``# forces in Ha/Ang`` to such a file.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import read_xsf, write_xsf
    >>> read_xsf(write_xsf("Li2S.xsf", crystal("Li2S"), -48.0)).get_potential_energy()
    -48.0
    """
    reader = LineReader(Path(path).expanduser())
    kind, blocks = _blocks(reader)
    rows = blocks.get("PRIMCOORD") or blocks.get("ATOMS")
    if not rows:
        raise reader.error(len(reader.lines), "no atoms")
    atoms = _atoms(reader, blocks.get("PRIMVEC"), rows, kind)
    results = reader.results(rows)
    if require_energy and "energy" not in results:
        raise reader.error(0, "no total energy in it")
    if results:
        atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def _blocks(reader: LineReader) -> tuple[str | None, dict[str, Any]]:
    """Return the kind of structure that is said, and the contents by keyword."""
    kind: str | None = None
    contents: dict[str, Any] = {}
    while reader.at < len(reader.lines):
        line = reader.next().strip()
        keyword = line.split()[0].upper() if line else ""
        if keyword in _PERIODIC:
            if kind not in (None, keyword):
                raise reader.error(reader.at, f"{keyword} after {kind}")
            kind = keyword
        elif keyword in _BLOCKS:
            if keyword in contents or {keyword, *contents} >= {"ATOMS", "PRIMCOORD"}:
                raise reader.error(
                    reader.at, f"a further {keyword}; one structure is expected"
                )
            contents[keyword] = _BLOCKS[keyword](reader)
        elif keyword.startswith("BEGIN_"):
            reader.skip_block(keyword.removeprefix("BEGIN_"))
        elif keyword == "ANIMSTEPS":
            raise reader.error(reader.at, "an animation; one structure is expected")
        elif line and not keyword.startswith("#") and not states_energy(line):
            raise reader.error(reader.at, f"not expected here: {line[:40]!r}")
    if "ATOMS" in contents:
        kind = kind or "MOLECULE"
    return kind, contents


def _vectors(reader: LineReader) -> np.ndarray:
    vectors = []
    for _ in range(3):
        words = reader.words()
        if len(words) != 3:
            raise reader.error(reader.at, "a cell vector needs 3 columns")
        vectors.append([reader.number(w) for w in words])
    return np.array(vectors)


def _counted(reader: LineReader) -> list[tuple[str, list[float]]]:
    words = reader.words()
    n_atoms = count(words[0])
    if not n_atoms:
        raise reader.error(reader.at, "the number of atoms is expected here")
    return [reader.row() for _ in range(n_atoms)]


def _rest(reader: LineReader) -> list[tuple[str, list[float]]]:
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


_BLOCKS: dict[str, Callable[[LineReader], Any]] = {
    "PRIMVEC": _vectors,
    "PRIMCOORD": _counted,
    "CONVVEC": _vectors,
    "CONVCOORD": _counted,
    "ATOMS": _rest,
}


def _atoms(
    reader: LineReader,
    cell: np.ndarray | None,
    rows: list[tuple[str, list[float]]],
    kind: str | None,
) -> Atoms:
    if len({len(values) for _, values in rows}) != 1:
        raise reader.error(0, "some rows have forces and some have none")
    pbc = np.array(_PERIODIC[kind or ("MOLECULE" if cell is None else "CRYSTAL")])
    if pbc.any() and cell is None:
        raise reader.error(0, "a periodic structure without PRIMVEC")
    if cell is not None and np.linalg.matrix_rank(cell[pbc], tol=1e-6) < pbc.sum():
        raise reader.error(0, "the cell has no volume")
    return Atoms(
        [symbol for symbol, _ in rows],
        positions=np.array([values[:3] for _, values in rows]),
        cell=cell,
        pbc=pbc,
    )


def write_xsf(
    path: str | Path,
    structure: AnyStructure,
    energy: float | None = None,
    forces: np.ndarray | None = None,
) -> Path:
    """Write one structure; what `read_xsf` reads back is identical to the last bit.

    Parameters
    ----------
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

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import write_xsf
    >>> print(write_xsf("Li2S.xsf", crystal("Li2S"), -48.0).read_text().splitlines()[0])
    # total energy = -48.0 eV
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
    return write_text(path, "\n".join([*lines, *rows]) + "\n")


def _known(atoms: Atoms, name: str) -> Any:
    try:
        return atoms.calc.get_property(name, atoms, allow_calculation=False)
    except PropertyNotImplementedError:
        return None
