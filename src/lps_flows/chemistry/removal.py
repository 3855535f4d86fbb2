"""Removing formula units of an end member from a structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pymatgen.core import Composition, Structure

from lps_flows.chemistry.bare import bare_structure
from lps_flows.chemistry.line import CompositionLine, RemovalError


def atoms_removed(end_member: str, n_units: int) -> dict[str, int]:
    """Count the atoms of each element in so many units of an end member.

    Parameters
    ----------
    end_member
        Formula, for example ``"P2S5"``.
    n_units
        Formula units, at least one.

    Returns
    -------
    dict
        Atoms by symbol, alphabetical: ``{"P": 2, "S": 5}`` for one P2S5.

    Raises
    ------
    RemovalError
        When `n_units` is not a positive whole number.
    """
    if n_units != int(n_units) or n_units < 1:
        raise RemovalError(
            "units are removed in whole positive numbers",
            field="n_units",
            value=n_units,
            remedy="Give 1, 2, 3, ...",
        )
    amounts = Composition(end_member).get_el_amt_dict()
    return {
        symbol: round(amount * n_units) for symbol, amount in sorted(amounts.items())
    }


def removal_sites(
    structure: Structure,
    end_member: str,
    n_units: int,
    line: CompositionLine | None = None,
) -> dict[str, tuple[int, ...]]:
    """Sites from which units of an end member can be taken, by element.

    Parameters
    ----------
    structure
        Ordered parent on the composition line.
    end_member
        One of the line's end members.
    n_units
        Formula units to remove.
    line
        Composition line, Li2S-P2S5 unless given.

    Returns
    -------
    dict
        Site indices by symbol of each element the end member holds.

    Raises
    ------
    OffLineError
        When the parent is not on the line.
    RemovalError
        When the end member is not of the line, or the parent holds too few units.
    """
    line = line or CompositionLine()
    line.remove(structure.composition, end_member, n_units)
    symbols = [site.specie.symbol for site in structure]
    return {
        element: tuple(i for i, symbol in enumerate(symbols) if symbol == element)
        for element in atoms_removed(end_member, n_units)
    }


def remove_sites(structure: Structure, sites: Sequence[int]) -> Structure:
    """Bare copy of a structure without the sites of these indices."""
    remaining = bare_structure(structure)
    remaining.remove_sites(list(sites))
    return remaining


def remove_units(
    structure: Structure,
    end_member: str,
    n_units: int,
    rng: np.random.Generator,
    line: CompositionLine | None = None,
) -> Structure:
    """Remove units of an end member from sites drawn at random.

    Parameters
    ----------
    structure
        Ordered parent on the composition line.
    end_member
        One of the line's end members.
    n_units
        Formula units to remove.
    rng
        Generator the sites are drawn from.
    line
        Composition line, Li2S-P2S5 unless given.

    Returns
    -------
    Structure
        A new, unrelaxed structure.

    Raises
    ------
    OffLineError, RemovalError
        See `removal_sites`.
    """
    sites = removal_sites(structure, end_member, n_units, line)
    drawn: list[int] = []
    for element, count in atoms_removed(end_member, n_units).items():
        drawn.extend(int(i) for i in rng.choice(sites[element], count, replace=False))
    return remove_sites(structure, sorted(drawn))
