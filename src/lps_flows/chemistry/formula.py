"""Formulas as documents and messages write them."""

from __future__ import annotations

from functools import lru_cache

from pymatgen.core import Composition, Structure


def full_formula(matter: Structure | Composition) -> str:
    """Write the formula of a whole cell, not reduced, without blanks.

    Parameters
    ----------
    matter
        A structure, or a composition of any size.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, full_formula, supercell_near
    >>> full_formula(supercell_near(crystal("Li2S"), 96))
    'Li64S32'
    """
    composition = matter if isinstance(matter, Composition) else matter.composition
    return str(composition.formula.replace(" ", ""))


@lru_cache(maxsize=8192)
def composition_of(formula: str) -> Composition:
    """Return the composition of a formula; kept, as thousands of structures share few.

    Examples
    --------
    >>> sorted(composition_of("Li3PS4").get_el_amt_dict())
    ['Li', 'P', 'S']
    """
    return Composition(formula)


@lru_cache(maxsize=8192)
def reduced_formula(formula: str) -> str:
    """Return the reduced formula of a formula; kept, because reducing is slow.

    Examples
    --------
    >>> reduced_formula("Li12P4S16")
    'Li3PS4'
    """
    return str(composition_of(formula).reduced_formula)
