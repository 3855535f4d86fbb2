"""Harmonic vibrations and free energies, by phonopy.

Togo, J. Phys. Soc. Jpn. 92, 012001 (2023).

Imaginary modes are counted and never integrated: a structure that has some is at no
minimum, and a lower one lies along them (`lps_flows.analysis.soft_modes`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
from ase import units
from numpy.typing import ArrayLike
from pydantic import Field
from pymatgen.core import Composition, Structure

from lps_flows.analysis.arrhenius import BOLTZMANN
from lps_flows.analysis.hull import HullEntry, HullError
from lps_flows.analysis.hull_places import line_hull
from lps_flows.chemistry import CompositionLine, reduced_formula, supercell_multiples
from lps_flows.foundation import FrozenSettings
from lps_flows.schemas.phonons import FreeEnergyDocument, PhononDocument, Vibrations

if TYPE_CHECKING:
    from phonopy import Phonopy

_PER_MOLE = units.kJ / units.mol
"""eV per kJ/mol."""
_SAME_PLACE = 1e-9
"""Places over a hull that are the same (eV/atom)."""
_SAME_STRUCTURE = 1e-4
"""Energies of cells of one formula that are one structure (eV/atom)."""


class PhononSettings(FrozenSettings):
    """Displacements, supercells and temperatures.

    Examples
    --------
    >>> PhononSettings().temperatures[:3]
    (0.0, 100.0, 200.0)
    """

    displacement: float = Field(0.01, gt=0, description="Displacement of an atom (Å).")
    target_atoms: int = Field(
        100, ge=1, description="Atoms of the supercell of the force constants, about."
    )
    gamma_above: int = Field(
        100,
        ge=1,
        description="Cells of more atoms are no supercell, and have modes at Gamma.",
    )
    mesh: float = Field(
        60.0, gt=0, description="Fineness of the mesh of modes, 2 pi over its step (Å)."
    )
    imaginary: float = Field(
        0.1,
        ge=0,
        description="Frequencies further below zero than this (THz) are imaginary.",
    )
    follow: int = Field(
        3,
        ge=0,
        description="Times that the lowest imaginary mode is followed to a lower "
        "structure, whose modes are computed in turn; 0: such a structure is refused.",
    )
    amplitude: float = Field(
        0.3,
        gt=0,
        description="How far along the mode relaxations begin: displacement of the "
        "atom that moves farthest (Å).",
    )
    temperatures: tuple[float, ...] = Field(
        tuple(100.0 * k for k in range(10)),
        description="Temperatures of the free energies (K), two or more, ascending.",
    )


def displaced_cells(structure: Structure, settings: PhononSettings) -> list[Structure]:
    """Return the supercell as it is, and with every displacement that is needed (Å).

    Symmetry decides which; the forces on all of them go to `vibrations`.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> len(displaced_cells(crystal("Li2S"), PhononSettings(target_atoms=12)))
    3
    """
    from phonopy.structure.atoms import PhonopyAtoms

    phonons = _phonopy(structure, settings)
    phonons.generate_displacements(distance=settings.displacement)
    cells: list[PhonopyAtoms] = [phonons.supercell]
    cells += phonons.supercells_with_displacements or []
    return [
        Structure(cell.cell, list(cell.symbols), cell.scaled_positions)
        for cell in cells
    ]


def vibrations(
    structure: Structure, forces: ArrayLike, settings: PhononSettings
) -> Vibrations:
    """Return the harmonic vibrations of a structure.

    Parameters
    ----------
    structure
        Relaxed structure (Å).
    forces
        Forces on `displaced_cells` in their order (eV/Å), shape (n_cells, n_atoms, 3);
        what is left on the undisplaced one is taken off the others.
    settings
        The same as there.
    """
    phonons = with_forces(structure, forces, settings)
    temperatures = sorted(set(settings.temperatures))
    gamma_only = len(structure) > settings.gamma_above
    phonons.run_mesh([1, 1, 1] if gamma_only else settings.mesh)
    mesh: Any = phonons.mesh
    frequencies, weights = mesh.frequencies, mesh.weights[:, None]
    low = frequencies < -settings.imaginary
    total = weights.sum() * frequencies.shape[1]
    free_energies = None
    if not low.any():
        phonons.run_thermal_properties(
            temperatures=temperatures, cutoff_frequency=settings.imaginary
        )
        per_cell = phonons.get_thermal_properties_dict()["free_energy"]
        n_atoms = len(phonons.primitive)
        free_energies = [float(f) * _PER_MOLE / n_atoms for f in per_cell]
    a, b, c = (int(n) for n in np.diag(phonons.supercell_matrix))
    return Vibrations(
        supercell=(a, b, c),
        gamma_only=gamma_only,
        n_displacements=len(phonons.forces),
        lowest_frequency=float(frequencies.min()),
        imaginary=float((low * weights).sum() / total),
        temperatures=temperatures,
        free_energies=free_energies,
    )


def with_forces(
    structure: Structure, forces: ArrayLike, settings: PhononSettings
) -> Phonopy:
    """Return phonopy's force constants of a structure; arguments of `vibrations`."""
    found = np.asarray(forces, dtype=float)
    phonons = _phonopy(structure, settings)
    phonons.generate_displacements(distance=settings.displacement)
    phonons.forces = found[1:] - found[0]
    phonons.produce_force_constants()
    phonons.symmetrize_force_constants()
    return phonons


def _phonopy(structure: Structure, settings: PhononSettings) -> Phonopy:
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    multiples = (1, 1, 1)
    if len(structure) <= settings.gamma_above:
        multiples = supercell_multiples(structure, settings.target_atoms)
    cell = PhonopyAtoms(
        symbols=[site.specie.symbol for site in structure],
        cell=structure.lattice.matrix,
        scaled_positions=structure.frac_coords,
    )
    return Phonopy(
        cell,
        supercell_matrix=np.diag(multiples),
        primitive_matrix=np.eye(3),
        log_level=0,
    )


def configurational_bound(
    energies: ArrayLike, temperatures: Sequence[float]
) -> list[float]:
    """Return -kT ln of the sum over distinct structures, from the lowest one (eV).

    What was found is less than what there is: the true value is lower.

    Parameters
    ----------
    energies
        Energies of the cells of one size (eV), shape (n,).
    temperatures
        Temperatures (K); 0 gives 0.

    Examples
    --------
    >>> two = configurational_bound([0.0, 0.0], [0.0, 1000.0])
    >>> [round(f, 4) for f in two]  # -kT ln 2
    [0.0, -0.0597]
    """
    above = np.asarray(energies, dtype=float)
    above = above - above.min()
    return [
        float(-BOLTZMANN * T * scipy.special.logsumexp(-above / (BOLTZMANN * T)))
        if T > 0
        else 0.0
        for T in temperatures
    ]


def free_energies(
    phonons: Mapping[str, PhononDocument],
    glasses: Mapping[str, Sequence[tuple[int, float]]],
    line: CompositionLine,
    settings: PhononSettings,
    *,
    campaign: str,
    source: str = "",
) -> list[FreeEnergyDocument]:
    """Return where the structures whose modes are known lie at every temperature.

    Parameters
    ----------
    phonons
        Phonons of one campaign by one method, by job.
    glasses
        Atoms and energy (eV/atom) of every glass-ceramic structure, by reduced formula.
    line
        The composition line.
    settings
        To write on the documents.
    campaign, source
        The campaign, and a digest to write on the documents.

    Returns
    -------
    list of FreeEnergyDocument
        One per structure.
    """
    still, _ = _above(phonons, dict.fromkeys(phonons, 0.0), line)
    above: dict[str, list[float]] = {}
    notes: dict[str, str] = {}
    by_temperatures: dict[tuple[float, ...], dict[str, list[float]]] = defaultdict(dict)
    for key, document in phonons.items():
        known = document.vibrations.free_energies
        if known is None:
            notes[key] = "imaginary modes: it is at no minimum"
        else:
            by_temperatures[tuple(document.vibrations.temperatures)][key] = known
    for alike in by_temperatures.values():
        places, why_not = _free_above(phonons, alike, still, line)
        above |= places
        notes |= why_not
    documents = []
    for key, document in sorted(phonons.items()):
        formula = reduced_formula(document.formula)
        glass = document.provenance.source != "crystal"
        temperatures = document.vibrations.temperatures
        documents.append(
            FreeEnergyDocument(
                phonon_id=key,
                campaign=campaign,
                method=document.method,
                source_digest=source,
                formula_pretty=formula,
                x=document.x,
                source=document.provenance.source,
                parent=document.provenance.parent,
                vibrations=document.vibrations,
                followed=document.followed,
                energy_per_atom=document.energy_per_atom,
                energy_above_hull=still.get(key),
                free_energy_above_hull=above.get(key),
                configurational=_bound(glasses.get(formula, ()), temperatures)
                if glass
                else None,
                note=notes.get(key),
                settings=settings.model_dump(mode="json"),
            )
        )
    return documents


def _free_above(
    phonons: Mapping[str, PhononDocument],
    alike: Mapping[str, Sequence[float]],
    still: Mapping[str, float],
    line: CompositionLine,
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Return places among free energies at the same temperatures, or why none.

    A hull that lacks what is stable at rest would call something else stable: what
    lies elsewhere at rest without it has no place.
    """
    at_rest, problem = _above(phonons, dict.fromkeys(alike, 0.0), line)
    if problem:
        return {}, dict.fromkeys(alike, problem)
    lacking = ", ".join(
        phonons[key].provenance.parent or phonons[key].formula
        for key, place in sorted(still.items())
        if place < _SAME_PLACE and key not in alike
    )
    placed, notes = [], {}
    for key in alike:
        if key not in at_rest:
            notes[key] = "off the line"
        elif abs(at_rest[key] - still[key]) > _SAME_PLACE:
            notes[key] = f"no free energies at its temperatures of {lacking}"
        else:
            placed.append(key)
    above: dict[str, list[float]] = {key: [] for key in placed}
    steps = [
        dict(zip(alike, at, strict=True)) for at in zip(*alike.values(), strict=True)
    ]
    for added in steps:
        places, _ = _above(phonons, added, line)
        for key in placed:
            above[key].append(places[key])
    return above, notes


def _above(
    phonons: Mapping[str, PhononDocument],
    added: Mapping[str, float],
    line: CompositionLine,
) -> tuple[dict[str, float], str | None]:
    """Return energies above the hull with what is added to them (eV/atom)."""
    entries = [
        HullEntry(
            key,
            Composition(d.formula),
            (d.energy_per_atom + added[key]) * d.nsites,
            d.method,
        )
        for key, d in phonons.items()
        if key in added and d.x is not None
    ]
    try:
        places = line_hull(entries, line)
    except HullError as error:
        return {}, str(error)
    return {key: place.energy_above_hull for key, place in places.items()}, None


def _bound(
    structures: Sequence[tuple[int, float]], temperatures: Sequence[float]
) -> list[float] | None:
    if not structures:
        return None
    size = max(n for n, _ in structures)
    per_atom = sorted(energy for n, energy in structures if n == size)
    # the same structure, found by several searches, counts once
    apart = [np.inf, *np.diff(per_atom)]
    energies = [
        size * energy
        for energy, gap in zip(per_atom, apart, strict=True)
        if gap > _SAME_STRUCTURE
    ]
    return [f / size for f in configurational_bound(energies, temperatures)]
