"""Structures stripped to what the recipes work on, and whether they can be real."""

from __future__ import annotations

from pymatgen.core import Element, Structure

from lps_flows.chemistry.contacts import overlap

# Volumes per atom (Å^3): diamond has 5.7, caesium 115.
_VOLUME_PER_ATOM = (1.0, 1000.0)


def bare_structure(structure: Structure) -> Structure:
    """Copy of a structure with nothing but elements and places.

    Oxidation states, spins, labels, charge and all site properties (velocities,
    selective dynamics, magnetic moments, forces) are left out: they belong to another
    calculation, and what is made of the structure must not inherit them. The order of
    sites and `properties` are kept.

    Examples
    --------
    >>> from lps_flows.chemistry import bare_structure, crystal
    >>> decorated = crystal("Li2S").add_oxidation_state_by_guess()
    >>> decorated.composition, bare_structure(decorated).composition
    (Composition('Li+:8 S2-:4'), Composition('Li8 S4'))
    """
    return Structure(
        structure.lattice,
        [site.species.element_composition for site in structure],
        structure.frac_coords,
        properties=structure.properties,
    )


def is_element(symbol: str) -> bool:
    """Tell whether a symbol is an element's; deuterium and tritium are isotopes."""
    return Element.is_valid_symbol(symbol) and symbol not in ("D", "T")


def implausible(structure: Structure) -> str | None:
    """Say why an ordered structure can be no crystal; None when it may be one.

    Two atoms may be closer than half the sum of their covalent radii, or the volume per
    atom be one that no solid has.
    """
    per_atom = structure.volume / len(structure)
    low, high = _VOLUME_PER_ATOM
    if not low < per_atom < high:
        return f"it has {per_atom:.3g} Å^3 per atom: lengths are expected in Å"
    return overlap(structure)
