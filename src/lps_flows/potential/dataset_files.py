"""Reading labelled structures: folders of XSF files, extxyz and whatever ASE reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.io import ParseError, read

from lps_flows.potential.errors import PotentialFileError
from lps_flows.potential.xsf import read_xsf


@dataclass(frozen=True)
class LabelledStructures:
    """Structures with total energies (eV) and, where known, forces (eV/Å)."""

    structures: list[Atoms]
    energies: list[float]
    forces: list[np.ndarray | None]


def read_labelled(paths: str | Path | Iterable[str | Path]) -> LabelledStructures:
    """Read structures with energies.

    Parameters
    ----------
    paths
        A file, a folder (its ``*.xsf`` files in name order), or several of them.
        ``.xsf`` is ænet's format; everything else (extxyz, vasprun.xml) goes through
        ASE, all frames of it.

    Raises
    ------
    XSFError, PotentialFileError
        When a file is malformed or a frame lacks its energy.
    """
    found = LabelledStructures([], [], [])
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        here = Path(path).expanduser()
        for file in sorted(here.glob("*.xsf")) if here.is_dir() else [here]:
            for k, atoms in enumerate(_frames(file)):
                try:
                    energy = float(atoms.get_potential_energy())
                except (RuntimeError, PropertyNotImplementedError):
                    raise PotentialFileError(
                        f"frame {k} has no energy",
                        field="path",
                        value=str(file),
                        remedy="Write energies with the structures",
                    ) from None
                found.structures.append(atoms)
                found.energies.append(energy)
                found.forces.append(_forces(atoms))
    if not found.structures:
        raise PotentialFileError(
            "no structure found",
            field="paths",
            value=str(paths),
            remedy="Give XSF or extxyz files, or a folder of XSF files",
        )
    return found


def _frames(file: Path) -> list[Atoms]:
    if file.suffix == ".xsf":
        return [read_xsf(file)]
    try:
        frames = read(file, ":")
    except (OSError, ValueError, KeyError, IndexError, ParseError) as error:
        raise PotentialFileError(
            f"cannot be read ({type(error).__name__}: {error})",
            field="path",
            value=str(file),
            remedy="Give a file that ase.io.read understands",
        ) from None
    return [frames] if isinstance(frames, Atoms) else list(frames)


def _forces(atoms: Atoms) -> np.ndarray | None:
    try:
        forces = atoms.calc.get_property("forces", atoms, allow_calculation=False)
    except PropertyNotImplementedError:
        return None
    return None if forces is None else np.array(forces)
