"""Removing formula units of an end member from a structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pymatgen.core import Composition, Structure

from lps_flows.chemistry.bare import bare_structure
from lps_flows.chemistry.line import CompositionLine, RemovalError
from lps_flows.chemistry.symbols import element_symbols


def atoms_removed(end_member: str, n_units: int) -> dict[str, int]:
    """Count the atoms of each element, alphabetical, in so many units of an end member.

    Raises
    ------
    RemovalError
        When `n_units` is not a positive whole number.

    Examples
    --------
    >>> from lps_flows.chemistry import atoms_removed
    >>> atoms_removed("P2S5", 2)
    {'P': 4, 'S': 10}
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
    """List the indices of the sites that can be removed, by element.

    Parameters
    ----------
    structure
        Ordered parent on the composition line.
    end_member, n_units
        One of the line's end members, and how many units of it.
    line
        Composition line, Li2S-P2S5 unless given.

    Raises
    ------
    OffLineError
        When the parent is not on the line.
    RemovalError
        When the end member is not of the line, or the parent holds too few units.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, removal_sites
    >>> removal_sites(crystal("Li2S"), "Li2S", 1)
    {'Li': (0, 1, 2, 3, 4, 5, 6, 7), 'S': (8, 9, 10, 11)}
    """
    line = line or CompositionLine()
    line.remove(structure.composition, end_member, n_units)
    symbols = element_symbols(structure)
    return {
        element: tuple(np.flatnonzero(symbols == element).tolist())
        for element in atoms_removed(end_member, n_units)
    }


def remove_sites(structure: Structure, sites: Sequence[int]) -> Structure:
    """Bare copy of a structure without the sites of these indices.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, remove_sites
    >>> remove_sites(crystal("Li2S"), [0, 1, 8]).composition
    Composition('Li6 S3')
    """
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
    """Remove units of an end member from sites drawn at random, without relaxing.

    Parameters and errors are those of `removal_sites`; `rng` draws the sites.

    Examples
    --------
    >>> import numpy as np
    >>> from lps_flows.chemistry import crystal, remove_units, supercell_near
    >>> parent = supercell_near(crystal("beta-Li3PS4"), 128)
    >>> remove_units(parent, "Li2S", 3, np.random.default_rng(0)).composition
    Composition('Li42 P16 S61')
    """
    sites = removal_sites(structure, end_member, n_units, line)
    drawn: list[int] = []
    for element, count in atoms_removed(end_member, n_units).items():
        drawn.extend(int(i) for i in rng.choice(sites[element], count, replace=False))
    return remove_sites(structure, sorted(drawn))
