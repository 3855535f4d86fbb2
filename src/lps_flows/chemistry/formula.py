"""Formulas as documents and messages write them."""

from __future__ import annotations

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
