"""Stability against the metal of the moving ion and against voltage.

The phase diagram is opened to the ion's element: at a voltage V against its metal its
chemical potential is that of the metal less V (one electron per ion).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element
from pymatgen.entries.computed_entries import ComputedEntry

from lps_flows.analysis.hull import HullError
from lps_flows.chemistry import composition_of, crystals, reduced_formula
from lps_flows.schemas.electrochemistry import (
    ElectrochemicalWindow,
    MetalReaction,
    VoltageStep,
)

_NONE = 1e-4
"""Amounts below this share of the other elements count as none."""


def electrochemical_window(
    entries: Sequence[PDEntry | ComputedEntry],
    composition: Composition | str,
    mobile: str = "Li",
) -> ElectrochemicalWindow:
    """Return at which voltages a composition is stable, and what it becomes beyond.

    What counts is the equilibrium of the composition: a metastable phase has the
    window of the phases it would decompose to without exchanging the ion. Kinetics is
    left out; interphases may widen what is seen.

    Parameters
    ----------
    entries
        pymatgen entries of one method (eV), with those of the elements.
    composition
        The composition.
    mobile
        Element of the ion that is exchanged; valence one.

    Raises
    ------
    HullError
        When an element has no entry, the composition holds nothing else than
        `mobile`, or a salt of two of the elements is missing that the crystal library
        knows (Li2S, Li3P and P2S5 of Li-P-S): the answer would be that of other
        phases.

    Examples
    --------
    >>> energies = {"Li": 0, "P": 0, "S": 0, "Li2S": -4.2, "Li3P": -3.3, "P2S5": -2.4}
    >>> entries = [PDEntry(formula, e) for formula, e in energies.items()]
    >>> window = electrochemical_window([*entries, PDEntry("Li3PS4", -8.2)], "Li3PS4")
    >>> round(window.reduction, 2), round(window.oxidation, 2)
    (1.72, 2.33)
    >>> window.reaction_with_metal.products
    {'Li2S': 4.0, 'Li3P': 1.0}
    """
    compound = composition_of(reduced_formula(_text(composition)))
    diagram, lacking = _diagram(entries, compound, mobile)
    ion = Element(mobile)
    others = Composition({el: n for el, n in compound.items() if el != ion})
    metal = diagram.el_refs[ion].energy_per_atom
    steps, exchanged = [], []
    for part in diagram.get_element_profile(ion, compound):
        critical = part["critical_composition"]
        share = critical.get_atomic_fraction(ion)
        n_atoms = others.num_atoms / (1 - share)
        exchanged.append(n_atoms * share - compound[ion])
        products = {
            phase.composition.reduced_formula: fraction
            * n_atoms
            / phase.composition.reduced_composition.num_atoms
            for phase, fraction in diagram.get_decomposition(critical).items()
        }
        kept = {
            formula: round(n, 6)
            for formula, n in sorted(products.items())
            if n > _NONE * others.num_atoms
        }
        steps.append(VoltageStep(_positive(metal - part["chempot"]), kept))
    none = _NONE * others.num_atoms
    above = [s.voltage for s, n in zip(steps, exchanged, strict=True) if n < -none]
    held = [s.voltage for s, n in zip(steps, exchanged, strict=True) if n <= none]
    energy = diagram.get_hull_energy(compound)
    with_metal = Composition(
        {**others.as_dict(), mobile: max(compound[ion] + exchanged[0], 0.0)}
    )
    released = diagram.get_hull_energy(with_metal) - energy - exchanged[0] * metal
    n_reacting = max(with_metal.num_atoms, compound.num_atoms)
    return ElectrochemicalWindow(
        formula=compound.reduced_formula,
        mobile=mobile,
        reduction=held[0],
        oxidation=above[0] if above else math.inf,
        steps=steps,
        reaction_with_metal=MetalReaction(
            steps[0].products, float(released / n_reacting)
        ),
        lacking=lacking,
    )


def _positive(voltage: float) -> float:
    """Return a voltage without what rounding left below 0 V."""
    return max(float(voltage), 0.0)


def _text(composition: Composition | str) -> str:
    if isinstance(composition, Composition):
        return composition.element_composition.formula.replace(" ", "")
    return composition


def _diagram(
    entries: Sequence[PDEntry | ComputedEntry], compound: Composition, mobile: str
) -> tuple[PhaseDiagram, list[str]]:
    """Return the diagram of the composition's elements, and what it lacks."""
    elements = {*map(str, compound.elements), mobile}
    if elements == {mobile}:
        raise HullError(
            f"there is nothing in it but {mobile}",
            field="composition",
            value=compound.reduced_formula,
            remedy="name a compound",
        )
    inside = [e for e in entries if {str(el) for el in e.composition} <= elements]
    present = {
        reduced_formula(e.composition.element_composition.formula.replace(" ", ""))
        for e in inside
    }
    known = {reduced_formula(phase.formula) for phase in crystals()}
    binaries = {
        formula
        for formula in known - present
        if len(parts := {str(el) for el in Composition(formula)}) == 2
        and parts <= elements
    }
    pure = {
        element
        for element in elements
        if not any({str(el) for el in e.composition} == {element} for e in inside)
    }
    missing = sorted(pure | (binaries & _salts(elements)))
    if missing:
        raise HullError(
            f"no entry of {', '.join(missing)}: without them the window is that of "
            "other phases",
            field="entries",
            value=sorted(present),
            remedy="compute them by the same method",
        )
    return PhaseDiagram(inside), sorted(binaries)


def _salts(elements: set[str]) -> set[str]:
    """Return the compounds of two elements, each in its outermost valence."""
    salts = set()
    for pair in combinations(map(Element, sorted(elements)), 2):
        cation, anion = sorted(pair, key=lambda element: element.X)
        charge, taken = cation.max_oxidation_state, -anion.min_oxidation_state
        if charge > 0 and taken > 0:
            amounts = {str(cation): taken, str(anion): charge}
            salts.add(Composition(amounts).reduced_formula)
    return salts
