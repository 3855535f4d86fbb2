"""Supercells of a wanted size, and crystals of a neighbouring system."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pymatgen.core import Structure

from lps_flows.chemistry.bare import bare_structure
from lps_flows.foundation import LpsFlowsError

# A cell whose longest edge is e^4 times its shortest is as bad as one of e times
# the wanted size: size comes first, shape decides between near equals.
_SHAPE_WEIGHT = 0.25


class SupercellError(LpsFlowsError):
    """No supercell of the wanted size can be made."""


def supercell_multiples(
    structure: Structure, target_atoms: int
) -> tuple[int, int, int]:
    """Multiples of the cell edges that give about the wanted number of atoms.

    All diagonal multiples of the cell up to 1.5 times the target are compared by
    abs(log(N/target)) + 0.25 log(longest/shortest edge); the lowest wins. A cell larger
    than wanted is not repeated.

    Raises
    ------
    SupercellError
        When `target_atoms` is not positive.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, supercell_multiples
    >>> supercell_multiples(crystal("beta-Li3PS4"), 128)
    (1, 2, 2)
    """
    if target_atoms < 1:
        raise SupercellError(
            "a supercell needs at least one atom",
            field="target_atoms",
            value=target_atoms,
            remedy="Give a positive number of atoms, for instance 100",
        )
    edges = np.array(structure.lattice.abc)
    most = max(1, int(1.5 * target_atoms / len(structure)))

    multiples = np.array(
        [
            (a, b, c)
            for a in range(1, most + 1)
            for b in range(1, most // a + 1)
            for c in range(1, most // (a * b) + 1)
        ]
    )
    size = np.abs(np.log(len(structure) * multiples.prod(axis=1) / target_atoms))
    lengths = edges * multiples
    shape = np.log(lengths.max(axis=1) / lengths.min(axis=1))
    # Equal badness: the lexicographically smallest, so that the choice is stable.
    best = np.round(size + _SHAPE_WEIGHT * shape, 9).argmin()
    first, second, third = (int(n) for n in multiples[best])
    return first, second, third


def supercell_near(structure: Structure, target_atoms: int) -> Structure:
    """Near-cubic supercell with about the wanted number of atoms.

    Elements and places alone are repeated: copied velocities would move the images of
    an atom together, for ever. See `supercell_multiples` for the choice and its error.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, supercell_near
    >>> len(supercell_near(crystal("Li7P3S11"), 100))
    84
    """
    supercell = bare_structure(structure)
    supercell.make_supercell(supercell_multiples(structure, target_atoms))
    return supercell


def substituted(structure: Structure, replacements: Mapping[str, str]) -> Structure:
    """Crystal of a neighbouring system, by substitution and volume scaling.

    The volume follows from the shortest bonds and tabulated radii
    (pymatgen's `RLSVolumePredictor`); the result is a derived geometry, to be
    relaxed before its energy means anything.

    Parameters
    ----------
    structure
        Ordered crystal to start from; oxidation states and spins are left out.
    replacements
        New element by old element, for example ``{"Li": "Na"}``.

    Returns
    -------
    Structure
        Its ``properties["derived_from"]`` say from what.

    Raises
    ------
    SupercellError
        When an element to replace is not in the structure.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, substituted
    >>> sodium = substituted(crystal("beta-Li3PS4"), {"Li": "Na"})
    >>> sodium.reduced_formula, sodium.properties["derived_from"]
    ('Na3PS4', 'Li12 P4 S16 by Li->Na, unrelaxed')
    """
    from pymatgen.analysis.structure_prediction.volume_predictor import (
        RLSVolumePredictor,
    )

    present = {element.symbol for element in structure.composition}
    absent = sorted(set(replacements) - present)
    if absent:
        raise SupercellError(
            "an element to replace is not in the structure",
            field="replacements",
            value=absent,
            remedy=f"Replace some of {', '.join(sorted(present))}",
        )
    origin = bare_structure(structure)
    derived = origin.copy()
    derived.replace_species(dict(replacements.items()))
    volume = RLSVolumePredictor(check_isostructural=False).predict(derived, origin)
    derived.scale_lattice(volume)
    rule = ", ".join(f"{old}->{new}" for old, new in sorted(replacements.items()))
    derived.properties["derived_from"] = f"{origin.formula} by {rule}, unrelaxed"
    return derived
