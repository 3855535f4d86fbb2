"""Stability against the metal of the moving ion and against voltage.

The phase diagram is opened to the ion's element: at a voltage V against its metal its
chemical potential is that of the metal less z V, z being the ion's charge.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field
from pymatgen.core import Composition, Element

from lps_flows.analysis.hull import HullError
from lps_flows.chemistry import (
    composition_of,
    crystals,
    full_formula,
    reduced_formula,
)
from lps_flows.foundation import FrozenSettings
from lps_flows.schemas.built import BuiltDocument, StructureResult
from lps_flows.schemas.electrochemistry import (
    ElectrochemicalWindow,
    InterfaceReaction,
    MetalReaction,
    VoltageStep,
    WindowDocument,
)
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry

if TYPE_CHECKING:
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.entries.computed_entries import ComputedEntry


class WindowSettings(FrozenSettings):
    """Cathodes and coatings that electrolytes are held against.

    Examples
    --------
    >>> WindowSettings(against=["Li2S"]).phases
    {}
    """

    against: tuple[str, ...] = Field(
        (), description="Formulas of cathodes and coatings to react with."
    )
    phases: dict[str, float] = Field(
        {},
        description="Energies of further phases by the same method (eV per formula as "
        "written): the cathode, the elements that it adds, and what it may become.",
    )


_NONE = 1e-4
"""Amounts below this share of the other elements count as none."""
_LONGEST = 80


def electrochemical_window(
    entries: Sequence[PDEntry | ComputedEntry],
    composition: Composition | str,
    mobile: Element | str = "Li",
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
        Element of the ion that is exchanged: a metal of one common valence.

    Raises
    ------
    HullError
        When an element has no entry, the composition holds nothing else than
        `mobile`, or a salt of two of the elements is missing that the crystal library
        knows (Li2S, Li3P and P2S5 of Li-P-S): the answer would be that of other
        phases. When something is no entry, no composition or no such metal.

    Examples
    --------
    >>> from pymatgen.analysis.phase_diagram import PDEntry
    >>> energies = {"Li": 0, "P": 0, "S": 0, "Li2S": -4.2, "Li3P": -3.3, "P2S5": -2.4}
    >>> entries = [PDEntry(formula, e) for formula, e in energies.items()]
    >>> window = electrochemical_window([*entries, PDEntry("Li3PS4", -8.2)], "Li3PS4")
    >>> round(window.reduction, 2), round(window.oxidation, 2)
    (1.72, 2.33)
    >>> window.reaction_with_metal.products
    {'Li2S': 4.0, 'Li3P': 1.0}
    """
    compound, charge = _reduced(composition), ion_charge(mobile)
    ion = Element(str(mobile))
    diagram, lacking = _diagram(entries, [compound], ion.symbol)
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
        steps.append(VoltageStep(_positive((metal - part["chempot"]) / charge), kept))
    none = _NONE * others.num_atoms
    above = [s.voltage for s, n in zip(steps, exchanged, strict=True) if n < -none]
    held = [s.voltage for s, n in zip(steps, exchanged, strict=True) if n <= none]
    energy = diagram.get_hull_energy(compound)
    with_metal = Composition(
        {**others.as_dict(), ion.symbol: max(compound[ion] + exchanged[0], 0.0)}
    )
    released = diagram.get_hull_energy(with_metal) - energy - exchanged[0] * metal
    n_reacting = max(with_metal.num_atoms, compound.num_atoms)
    return ElectrochemicalWindow(
        formula_pretty=compound.reduced_formula,
        mobile=ion.symbol,
        reduction=held[0],
        oxidation=above[0] if above else math.inf,
        steps=steps,
        reaction_with_metal=MetalReaction(
            steps[0].products, float(released / n_reacting)
        ),
        lacking=lacking,
    )


def ion_charge(mobile: Element | str) -> int:
    """Return the charge of a metal's ion, in electrons.

    Raises
    ------
    HullError
        When it is no metal, or its ions have several charges.

    Examples
    --------
    >>> ion_charge("Li"), ion_charge("Mg")
    (1, 2)
    """
    try:
        element = Element(str(mobile))
        charge, *others = element.common_oxidation_states
    except ValueError:
        charge, others = 0, []
    if charge < 1 or others:
        raise HullError(
            "the mobile ion is to be that of a metal of one valence",
            field="mobile",
            value=str(mobile),
            remedy="name its element, for example Li",
        )
    return int(charge)


def voltage_error(
    window: ElectrochemicalWindow, voltage: float, error: float
) -> float | None:
    """Return the standard error of one of the voltages of a window's steps (V).

    Parameters
    ----------
    window
        The window.
    voltage
        One of its steps' voltages; None is returned for another, as for infinity.
    error
        Standard error of the energies (eV/atom), independent between phases.

    Examples
    --------
    >>> window = ElectrochemicalWindow(
    ...     formula="Li2S", mobile="Li", reduction=0.0, oxidation=2.2,
    ...     steps=[VoltageStep(0.0, {"Li2S": 1.0}), VoltageStep(2.2, {"S": 1.0})],
    ...     reaction_with_metal=MetalReaction({"Li2S": 1.0}, 0.0),
    ... )
    >>> # S + 2 Li -> Li2S: sqrt(1 + 9 + 4)/2 times the error
    >>> round(voltage_error(window, 2.2, 0.01), 4)
    0.0187
    """
    voltages = [step.voltage for step in window.steps]
    if voltage not in voltages:
        return None
    k = voltages.index(voltage)
    if k == 0:
        return 0.0
    change = Counter(window.steps[k - 1].products)
    change.subtract(window.steps[k].products)
    ions = sum(n * composition_of(f)[window.mobile] for f, n in change.items())
    atoms = [n * composition_of(f).num_atoms for f, n in change.items()]
    electrons = abs(ions) * ion_charge(window.mobile)
    return float(error * np.linalg.norm([*atoms, ions]) / electrons)


def interface_reaction(
    entries: Sequence[PDEntry | ComputedEntry],
    composition: Composition | str,
    partner: Composition | str,
) -> InterfaceReaction:
    """Return what a composition and a cathode or coating become, by pymatgen.

    Both have the energy of their equilibrium, and of all mixtures the one counts that
    releases most.

    Parameters
    ----------
    entries
        pymatgen entries of one method (eV), with those of the elements.
    composition, partner
        The two.

    Raises
    ------
    HullError
        As `electrochemical_window`.

    Examples
    --------
    >>> from pymatgen.analysis.phase_diagram import PDEntry
    >>> energies = {"Li": 0, "S": 0, "Fe": 0, "Li2S": -4.2, "FeS": -1.0, "FeS2": -1.6}
    >>> entries = [PDEntry(formula, e) for formula, e in energies.items()]
    >>> interface_reaction(entries, "Li2S", "FeS2").energy
    0.0
    >>> sorted(interface_reaction(entries, "Li", "FeS2").products)
    ['Fe', 'Li2S']
    """
    both = [_reduced(c) for c in (composition, partner)]
    from pymatgen.analysis.interface_reactions import InterfacialReactivity

    mobile = min((str(el) for c in both for el in c), key=lambda el: Element(el).X)
    diagram, _ = _diagram(entries, both, mobile)
    mixtures = InterfacialReactivity(both[0], both[1], diagram, use_hull_energy=True)
    # pymatgen gives the share of the first one's atoms
    _, share, energy, _, _ = min(mixtures.get_kinks(), key=lambda kink: kink[2])
    mixed = Composition(
        {
            el: share * both[0].get_atomic_fraction(el)
            + (1 - share) * both[1].get_atomic_fraction(el)
            for el in diagram.elements
        }
    )
    return InterfaceReaction(
        partner=both[1].reduced_formula,
        energy=min(float(energy), 0.0) if abs(energy) > 1e-9 else 0.0,
        share=float(1 - share),
        products={
            phase.composition.reduced_formula: round(float(fraction), 6)
            for phase, fraction in diagram.get_decomposition(mixed).items()
            if fraction > _NONE
        },
    )


def diagram_windows(
    diagram: PhaseDiagramDocument,
    entries: Sequence[PhaseDiagramEntry],
    settings: WindowSettings,
    *,
    source: str = "",
) -> list[WindowDocument]:
    """Return the windows of the compounds of a phase diagram.

    Parameters
    ----------
    diagram
        Phase diagram of one campaign by one method.
    entries
        Its entries.
    settings
        Cathodes and coatings.
    source
        Digest to write on the documents.

    Returns
    -------
    list of WindowDocument
        One per crystal, and per lowest glass-ceramic structure of a composition;
        where the window is refused, with the reason.
    """
    from pymatgen.analysis.phase_diagram import PDEntry

    lowest: dict[tuple[str, str], PhaseDiagramEntry] = {}
    for entry in sorted(entries, key=lambda e: (e.energy_per_atom, e.structure_id)):
        if len(entry.composition) > 1:
            lowest.setdefault((entry.formula_pretty, entry.label), entry)
    phases = [
        PDEntry(Composition(e.composition), e.energy_per_atom * n_atoms)
        for e in entries
        if (n_atoms := sum(e.composition.values()))
    ]
    for formula, energy in settings.phases.items():
        _reduced(formula)  # refuses what pymatgen would take for a made-up element
        phases.append(PDEntry(formula, energy))
    mobile = diagram.line.mobile
    found = {
        formula: _window(phases, formula, mobile, settings)
        for formula in {formula for formula, _ in lowest}
    }
    error = diagram.errors.reference
    documents = []
    for (formula, _), entry in sorted(lowest.items()):
        window, reactions, note = found[formula]
        above = None if entry.ternary is None else entry.ternary.energy_above_hull
        if above is None and window is not None:
            stable, _ = _diagram(phases, [_reduced(formula)], mobile)
            at_hull = stable.get_hull_energy_per_atom(_reduced(formula))
            above = entry.energy_per_atom - float(at_hull)
        documents.append(
            WindowDocument(
                **entry.model_dump(include=_FACTS),
                source_digest=source,
                glass=entry.glass,
                energy_above_hull=above,
                window=window,
                note=note,
                reduction_error=window
                and error
                and voltage_error(window, window.reduction, error),
                oxidation_error=window
                and error
                and voltage_error(window, window.oxidation, error),
                metal_energy=window and _own_energy(window, above or 0.0),
                interfaces=reactions,
                settings=settings.model_dump(mode="json"),
            )
        )
    return documents


_FACTS = {*StructureResult.model_fields} - {*BuiltDocument.model_fields} | {
    "campaign",
    "method",
}


def _window(
    phases: Sequence[PDEntry], formula: str, mobile: str, settings: WindowSettings
) -> tuple[ElectrochemicalWindow | None, list[InterfaceReaction], str | None]:
    try:
        window = electrochemical_window(phases, formula, mobile)
    except HullError as error:
        return None, [], str(error)
    reactions, notes = [], []
    for partner in settings.against:
        try:
            reactions.append(interface_reaction(phases, formula, partner))
        except HullError as error:
            notes.append(f"against {partner}: {error}")
    return window, reactions, "; ".join(notes) or None


def _own_energy(window: ElectrochemicalWindow, above: float) -> float:
    """Return the energy of a structure's reaction with the metal (eV/atom)."""
    reaction = window.reaction_with_metal
    n_atoms = composition_of(window.formula_pretty).num_atoms
    made = sum(n * composition_of(f).num_atoms for f, n in reaction.products.items())
    return reaction.energy - above * n_atoms / max(made, n_atoms)


def _positive(voltage: float) -> float:
    """Return a voltage without what rounding left below 0 V."""
    return max(float(voltage), 0.0)


def _reduced(composition: Composition | str) -> Composition:
    """Return a composition of elements, reduced."""
    try:
        elements = Composition(composition).element_composition
        elements = Composition({Element(str(el)): n for el, n in elements.items()})
        return composition_of(reduced_formula(full_formula(elements)))
    except (AttributeError, TypeError, ValueError) as error:
        raise HullError(
            "this is no composition",
            field="composition",
            value=str(composition),
            remedy="give a formula, for example Li3PS4",
        ) from error


def _checked(entries: Sequence[PDEntry | ComputedEntry]) -> list[Any]:
    """Return entries of one energy and composition each."""
    checked = list(entries or ())
    for entry in checked:
        composition = getattr(entry, "composition", None)
        sound = isinstance(composition, Composition) and composition.num_atoms > 0
        if not sound or not np.isfinite(entry.energy):
            raise HullError(
                "an entry is to have a composition and an energy",
                field="entries",
                value=repr(entry)[:_LONGEST],
                remedy="give pymatgen's PDEntry or ComputedEntry, energies in eV",
            )
    return checked


def _diagram(
    entries: Sequence[PDEntry | ComputedEntry],
    compounds: Sequence[Composition],
    mobile: str,
) -> tuple[PhaseDiagram, list[str]]:
    """Return the diagram of the compounds' elements, and what it lacks."""
    from pymatgen.analysis.phase_diagram import PhaseDiagram

    entries = _checked(entries)
    elements = {mobile, *(str(el) for compound in compounds for el in compound)}
    if elements == {mobile}:
        raise HullError(
            f"there is nothing in it but {mobile}",
            field="composition",
            value=compounds[0].reduced_formula,
            remedy="name a compound",
        )
    inside = [e for e in entries if {str(el) for el in e.composition} <= elements]
    present = {
        reduced_formula(full_formula(e.composition.element_composition)) for e in inside
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
            value=missing,
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
