"""Formulas as documents and messages write them."""

from __future__ import annotations

from functools import lru_cache

from pymatgen.core import Composition, Element, Structure


def is_formula(text: str) -> bool:
    """Tell whether a text is the formula of a compound of elements.

    Examples
    --------
    >>> is_formula("LiCoO2"), is_formula("licoo2"), is_formula("LCO")
    (True, False, False)
    """
    try:
        composition = Composition(text)
    except (ValueError, TypeError, AttributeError):
        return False
    return bool(composition) and all(isinstance(e, Element) for e in composition)


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
