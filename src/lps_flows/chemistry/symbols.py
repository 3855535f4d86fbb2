"""The elements of a structure, site by site."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from pymatgen.core.structure import IMolecule, IStructure

from lps_flows.foundation import LpsFlowsError

AnyStructure = Atoms | IStructure | IMolecule


class StructureError(LpsFlowsError):
    """A structure nothing can be done with: no atoms, disordered, not finite, flat."""


def element_symbols(structure: AnyStructure) -> np.ndarray:
    """Return the element of every site, (n_atoms), oxidation states left out.

    Raises
    ------
    StructureError
        When there are no sites, or one holds more than one species.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, element_symbols
    >>> print(element_symbols(crystal("Li2S"))[[0, -1]])
    ['Li' 'S']
    """
    check_sites(structure)
    if isinstance(structure, Atoms):
        return np.array(structure.get_chemical_symbols())
    return np.array([site.specie.symbol for site in structure])


def check_sites(structure: AnyStructure) -> None:
    """Raise `StructureError` unless there are sites, of one species each."""
    if len(structure) == 0:
        raise StructureError(
            "the structure has no atoms",
            field="structure",
            value=0,
            remedy="Leave it out",
        )
    if not isinstance(structure, Atoms) and not structure.is_ordered:
        raise StructureError(
            "the structure is disordered: sites are partially occupied",
            field="structure",
            value=structure.formula,
            remedy="Order it first, for example with pymatgen's transformations",
        )
