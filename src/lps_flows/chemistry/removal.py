"""Removing units of an end member, or of a stated combination, from a structure.

A unit is written as the formula of an end member ("Li2S"), or as numbers of formulas
("1 Li2S + 2 S"), which may leave the line. It holds the atoms that are written: P4S10
is a unit twice as large as P2S5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from pymatgen.core import Composition, Structure

from lps_flows.chemistry.bare import bare_structure
from lps_flows.chemistry.formula import full_formula
from lps_flows.chemistry.line import CompositionLine, RemovalError
from lps_flows.chemistry.symbols import element_symbols

# An amount that is nearer to a whole number is one.
_PART = 1e-6


def written_unit(unit: Any) -> Any:
    """Write a combination of formulas as the unit that is removed.

    What is no table is returned as it is.

    Examples
    --------
    >>> from lps_flows.chemistry import written_unit
    >>> written_unit({"Li2S": 1, "S": 2}), written_unit("Li2S")
    ('1 Li2S + 2 S', 'Li2S')
    """
    if not isinstance(unit, Mapping):
        return unit
    return " + ".join(f"{number} {formula}" for formula, number in unit.items())


def written_removal(unit: str, n_units: int) -> str:
    """Write what the removal of several units takes away in all.

    Examples
    --------
    >>> from lps_flows.chemistry import written_removal
    >>> written_removal("Li2S", 3), written_removal("1 Li2S + 2 S", 2)
    ('3 Li2S', '2 Li2S + 4 S')
    """
    terms = (term.rpartition(" ") for term in unit.split(" + "))
    return " + ".join(
        f"{n_units * int(number or 1)} {formula}" for number, _, formula in terms
    )


def _unit_composition(unit: str) -> Composition:
    total: defaultdict[str, float] = defaultdict(float)
    try:
        for term in unit.split(" + "):
            number, _, formula = term.rpartition(" ")
            count = int(number or 1)
            if count < 1:
                raise ValueError(number)
            for symbol, amount in Composition(formula).get_el_amt_dict().items():
                total[symbol] += count * amount
    except ValueError as error:
        raise RemovalError(
            "this is no unit that could be removed",
            field="remove",
            value=unit,
            remedy="Name an end member, or whole positive numbers of formulas: "
            "{Li2S: 1, S: 2}",
        ) from error
    return Composition(total)


def left_over(
    composition: Composition, unit: str, n_units: int, line: CompositionLine
) -> str:
    """Return the full formula left when units are taken away.

    Raises
    ------
    OffLineError
        When an end member is taken from what is not on the line.
    RemovalError
        When the composition holds too few atoms, nothing would be left, or the unit
        or the number of them is none that could be removed.

    Examples
    --------
    >>> from pymatgen.core import Composition
    >>> from lps_flows.chemistry import CompositionLine, left_over
    >>> left_over(Composition("Li48P16S64"), "1 S", 3, CompositionLine())
    'Li48P16S61'
    """
    removed = atoms_removed(unit, n_units)
    if " " not in unit:
        return line.remove(composition, unit, n_units)
    there = composition.element_composition.get_el_amt_dict()
    short = [el for el, n in removed.items() if n > there.get(el, 0)]
    if short or sum(removed.values()) >= composition.num_atoms:
        raise RemovalError(
            f"{full_formula(composition)} holds too few atoms"
            + (f" of {', '.join(short)}" if short else ", nothing would be left"),
            field="n_units",
            value=n_units,
            remedy="Remove fewer units or start from a larger supercell",
        )
    return full_formula(
        Composition({el: n - removed.get(el, 0) for el, n in there.items()})
    )


def atoms_removed(unit: str, n_units: int) -> dict[str, int]:
    """Count the atoms of each element, alphabetical, in so many units.

    Raises
    ------
    RemovalError
        When `n_units` is not a positive whole number, the unit cannot be read, or
        holds parts of atoms.

    Examples
    --------
    >>> from lps_flows.chemistry import atoms_removed
    >>> atoms_removed("P2S5", 2)
    {'P': 4, 'S': 10}
    >>> atoms_removed("1 Li2S + 2 S", 2)
    {'Li': 4, 'S': 6}
    """
    if not (isinstance(n_units, Real) and n_units >= 1 and n_units % 1 == 0):
        raise RemovalError(
            "units are removed in whole positive numbers",
            field="n_units",
            value=n_units,
            remedy="Give 1, 2, 3, ...",
        )
    amounts = _unit_composition(unit).get_el_amt_dict()
    removed = {
        symbol: round(amount * n_units) for symbol, amount in sorted(amounts.items())
    }
    if any(abs(amounts[el] * n_units - n) > _PART for el, n in removed.items()):
        raise RemovalError(
            "atoms are removed whole",
            field="remove",
            value=unit,
            remedy="Write the formula with whole numbers",
        )
    return removed


def removal_sites(
    structure: Structure,
    unit: str,
    n_units: int,
    line: CompositionLine | None = None,
) -> dict[str, tuple[int, ...]]:
    """List the indices of the sites that can be removed, by element.

    Parameters
    ----------
    structure
        Ordered parent; on the composition line when an end member is removed.
    line
        Composition line, Li2S-P2S5 unless given.

    Raises
    ------
    OffLineError
        When an end member is removed and the parent is not on the line.
    RemovalError
        When the end member is not of the line, or the parent holds too few units.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, removal_sites
    >>> removal_sites(crystal("Li2S"), "Li2S", 1)
    {'Li': (0, 1, 2, 3, 4, 5, 6, 7), 'S': (8, 9, 10, 11)}
    """
    line = line or CompositionLine()
    left_over(structure.composition, unit, n_units, line)
    symbols = element_symbols(structure)
    return {
        element: tuple(np.flatnonzero(symbols == element).tolist())
        for element in atoms_removed(unit, n_units)
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
    unit: str,
    n_units: int,
    rng: np.random.Generator,
    line: CompositionLine | None = None,
) -> Structure:
    """Remove units from sites drawn at random, without relaxing.

    Parameters and errors are those of `removal_sites`; `rng` draws the sites.

    Examples
    --------
    >>> import numpy as np
    >>> from lps_flows.chemistry import crystal, remove_units, supercell_near
    >>> parent = supercell_near(crystal("beta-Li3PS4"), 128)
    >>> remove_units(parent, "Li2S", 3, np.random.default_rng(0)).composition
    Composition('Li42 P16 S61')
    """
    sites = removal_sites(structure, unit, n_units, line)
    drawn: list[int] = []
    for element, count in atoms_removed(unit, n_units).items():
        drawn.extend(int(i) for i in rng.choice(sites[element], count, replace=False))
    return remove_sites(structure, sorted(drawn))
