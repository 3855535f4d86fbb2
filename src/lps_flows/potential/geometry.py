"""From structures of pymatgen and ASE to plain arrays, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from ase.geometry import complete_cell
from pymatgen.core.structure import IMolecule, IStructure

from lps_flows.chemistry import AnyStructure, StructureError, element_symbols
from lps_flows.potential.errors import UnknownElementError

FARTHEST = 1e8
"""Coordinates (Å) beyond which vectors between images lose their meaning."""


def is_single(structures: Any) -> bool:
    """Tell a bare structure from a list of them."""
    return isinstance(structures, (Atoms, IStructure, IMolecule))


def species_present(structures: Sequence[AnyStructure]) -> tuple[str, ...]:
    """Return the elements of all structures in alphabetical order."""
    symbols: set[str] = set()
    for index, structure in enumerate(structures):
        if not is_single(structure):
            raise _not_a_structure(index, structure)
        symbols.update(element_symbols(structure).tolist())
    return tuple(sorted(symbols))


def _not_a_structure(index: int, value: object) -> StructureError:
    return StructureError(
        "not a structure",
        field=f"structures[{index}]",
        value=type(value).__name__,
        remedy="Pass a pymatgen Structure or Molecule, or ASE Atoms",
    )


@dataclass(frozen=True)
class Batch:
    """Structures, one after another.

    Parameters
    ----------
    positions
        (n_atoms, 3) (Å).
    cells
        (n_structures, 3, 3) cell vectors as rows, completed where not periodic (Å).
    pbc
        (n_structures, 3).
    starts
        (n_structures + 1) first atom of each structure.
    element
        (n_atoms) index of each atom's element in the potential's species.
    structure
        (n_atoms) index of each atom's structure.
    volumes
        (n_structures) cell volume (Å^3), NaN where the structure is isolated.
    """

    positions: np.ndarray
    cells: np.ndarray
    pbc: np.ndarray
    starts: np.ndarray
    element: np.ndarray
    structure: np.ndarray
    volumes: np.ndarray

    def __len__(self) -> int:
        return len(self.volumes)


class Species:
    """The elements of a potential, and the way from atoms to their indices."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = tuple(symbols)
        self._of_number = np.full(len(chemical_symbols) + 1, -1, np.int64)
        for k, symbol in enumerate(self.symbols):
            self._of_number[atomic_numbers[symbol]] = k

    def batch(self, structures: Sequence[AnyStructure]) -> Batch:
        """Convert structures to arrays.

        Raises
        ------
        UnknownElementError
            When an element is not among the species.
        StructureError
            When a structure has no atoms, is disordered, has positions that are not
            finite, or a cell without volume along a periodic direction.
        """
        parts = [self._arrays(k, s) for k, s in enumerate(structures)]
        counts = np.array([len(p[0]) for p in parts], np.int64)
        starts = np.zeros(len(parts) + 1, np.int64)
        np.cumsum(counts, out=starts[1:])
        if not parts:
            raise StructureError(
                "no structure was given",
                field="structures",
                value=[],
                remedy="Pass at least one",
            )
        if len(parts) == 1:
            positions, element = parts[0][0], parts[0][1]
        else:
            positions = np.concatenate([p[0] for p in parts])
            element = np.concatenate([p[1] for p in parts])
        return Batch(
            positions=positions,
            cells=np.array([p[2] for p in parts]),
            pbc=np.array([p[3] for p in parts]),
            starts=starts,
            element=element,
            structure=np.repeat(np.arange(len(parts)), counts),
            volumes=np.array([p[4] for p in parts]),
        )

    def _arrays(
        self, index: int, structure: AnyStructure
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
        if isinstance(structure, Atoms):
            numbers = structure.numbers
            positions = np.array(structure.positions, dtype=np.float64, order="C")
            pbc = np.array(structure.pbc, dtype=bool)
            cell = np.array(structure.cell.array, dtype=np.float64)
        elif is_single(structure):
            numbers = np.array(
                [atomic_numbers.get(s, 0) for s in element_symbols(structure)], np.int64
            )
            positions = np.array(structure.cart_coords, dtype=np.float64, order="C")
            if isinstance(structure, IStructure):
                pbc = np.array(structure.lattice.pbc, dtype=bool)
                cell = np.array(structure.lattice.matrix, dtype=np.float64)
            else:
                pbc, cell = np.zeros(3, bool), np.zeros((3, 3))
        else:
            raise _not_a_structure(index, structure)
        return self._checked(index, numbers, positions, cell, pbc)

    def _checked(
        self,
        index: int,
        numbers: np.ndarray,
        positions: np.ndarray,
        cell: np.ndarray,
        pbc: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
        field = f"structures[{index}]"
        if len(numbers) == 0:
            raise StructureError(
                "the structure has no atoms",
                field=field,
                value=0,
                remedy="Leave it out",
            )
        element = self._of_number[numbers]
        if element.min() < 0:
            unknown = sorted({chemical_symbols[z] for z in numbers[element < 0]})
            raise UnknownElementError(
                "the potential does not know the element",
                field=field,
                value=", ".join(unknown),
                remedy=f"It knows {', '.join(self.symbols)}; train one with the others",
            )
        if not np.isfinite(positions).all():
            raise StructureError(
                "positions are not finite",
                field=field,
                value=int(np.argwhere(~np.isfinite(positions))[0, 0]),
                remedy="Look for the step that moved this atom to NaN",
            )
        if np.abs(positions).max() > FARTHEST:
            raise StructureError(
                f"an atom is farther than {FARTHEST:.0e} Å from the origin",
                field=field,
                value=int(np.abs(positions).max(axis=1).argmax()),
                remedy="Wrap it into the cell, or look for the step that threw it out",
            )
        if pbc.all():
            full = cell
        elif not pbc.any():
            full = np.eye(3)
        else:
            full = _complete(cell, pbc)
        volume = abs(float(_det(full)))
        if not np.isfinite(volume) or (pbc.any() and volume < 1e-9):
            raise StructureError(
                "the cell has no volume",
                field=field,
                value=cell.tolist(),
                remedy="Give three independent cell vectors, or set pbc to False",
            )
        own = abs(float(_det(cell))) if pbc.any() else 0.0
        return positions, element, full, pbc, own if own > 1e-9 else np.nan


def _det(m: np.ndarray) -> float:
    return float(
        m[0, 0] * (m[1, 1] * m[2, 2] - m[1, 2] * m[2, 1])
        - m[0, 1] * (m[1, 0] * m[2, 2] - m[1, 2] * m[2, 0])
        + m[0, 2] * (m[1, 0] * m[2, 1] - m[1, 1] * m[2, 0])
    )


def _complete(cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """Replace the vectors along directions that are not periodic by normals."""
    return np.array(complete_cell(np.where(pbc[:, None], cell, 0.0)))
