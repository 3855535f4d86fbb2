"""Structures around a crystal: strained, rattled, squeezed, with units removed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import (
    CompositionLine,
    closest_contact,
    remove_units,
    supercell_near,
)
from lps_flows.jobs.dataset_settings import DatasetError, DatasetSettings
from lps_flows.schemas import Provenance
from lps_flows.schemas.reference import UnlabelledStructure

_MOST_TRIES = 50
# Distances of a squeezed pair, over the sum of covalent radii: Li and S 1.9 and 1.6 Å
# apart, where a force of 5 to 12 eV/Å parts them.
_SQUEEZED = (0.8, 0.7)
_SLACK = 1e-3


def strained_structures(
    structure: Structure, parent: str, settings: DatasetSettings
) -> list[UnlabelledStructure]:
    """Scale the lattice of a crystal, fractional coordinates kept."""
    rng = _generator(settings, parent, "strained")
    changes = [(strain,) * 3 for strain in settings.isotropic_strains]
    limit = settings.max_strain
    changes += [
        tuple(rng.uniform(-limit, limit, size=3)) for _ in range(settings.n_strained)
    ]
    return [
        UnlabelledStructure(
            structure=_scaled(structure, np.array(change)),
            provenance=Provenance(
                source="strained",
                parent=parent,
                details={"strain": [round(float(value), 6) for value in change]},
            ),
        )
        for change in changes
    ]


def rattled_structures(
    structure: Structure, parent: str, settings: DatasetSettings
) -> list[UnlabelledStructure]:
    """Displace the atoms of a supercell at random, the lattice a little.

    Amplitudes are spread evenly up to `settings.rattle`, so that the set holds small
    and large forces.
    """
    rng = _generator(settings, parent, "rattled")
    supercell = supercell_near(structure, settings.target_atoms)
    return [
        UnlabelledStructure(
            structure=_rattled(supercell, amplitude, rng, settings, parent),
            provenance=Provenance(
                source="rattled",
                parent=parent,
                details={"amplitude": round(float(amplitude), 6)},
            ),
        )
        for amplitude in _amplitudes(settings.n_rattled, settings)
    ]


def squeezed_structures(
    structure: Structure, parent: str, settings: DatasetSettings
) -> list[UnlabelledStructure]:
    """Push one atom of a supercell onto a neighbour, each pair of elements in turn.

    The neighbour is the nearest of its element. A pair of elements between which
    another atom always lies is left out.
    """
    rng = _generator(settings, parent, "squeezed")
    supercell = supercell_near(structure, settings.target_atoms)
    elements = sorted({site.specie.symbol for site in supercell})
    pairs = list(combinations_with_replacement(elements, 2))
    asked = [(pair, contact) for contact in _SQUEEZED for pair in pairs]
    perturbed: list[UnlabelledStructure] = []
    while asked and len(perturbed) < settings.n_squeezed:
        pair, contact = asked.pop(0)
        squeezed = _squeezed(supercell, pair, contact, rng)
        if squeezed is None:
            continue
        asked.append((pair, contact))
        origin = Provenance(
            source="squeezed",
            parent=parent,
            details={"pair": "-".join(pair), "contact": contact},
        )
        perturbed.append(UnlabelledStructure(structure=squeezed, provenance=origin))
    return perturbed


def removed_structures(
    structure: Structure,
    parent: str,
    settings: DatasetSettings,
    line: CompositionLine,
    n_structures: int,
    *,
    kind: str = "removed",
) -> list[UnlabelledStructure]:
    """Take units of an end member out of a supercell and rattle what is left.

    End member and number of units are drawn at random, so that the set covers the
    compositions a parent can reach. Each `kind` draws cells of its own.

    Raises
    ------
    DatasetError
        When the crystal does not hold two units of either end member.
    """
    rng = _generator(settings, parent, kind)
    supercell = supercell_near(structure, settings.target_atoms)
    units = line.amounts(supercell.composition)
    # Half a unit or more must stay, or the cell would leave the line's inside.
    most = [int(settings.max_removed_fraction * n + 1e-9) for n in units]
    choices = [
        (formula, n)
        for formula, n in zip(line.end_members, most, strict=True)
        if n >= 1
    ]
    if not choices and n_structures:
        raise DatasetError(
            "its supercell is too small to remove a unit of either end member",
            field="dataset.max_removed_fraction",
            value=settings.max_removed_fraction,
            remedy=f"Raise it or dataset.target_atoms, or leave {parent} out of "
            "dataset.removal_parents",
        )
    perturbed = []
    for index, amplitude in enumerate(_amplitudes(n_structures, settings)):
        formula, n_most = choices[int(rng.integers(len(choices)))]
        n_removed = int(rng.integers(1, n_most + 1))
        cell = remove_units(supercell, formula, n_removed, rng, line)
        perturbed.append(
            UnlabelledStructure(
                structure=_rattled(cell, amplitude / 2, rng, settings, parent),
                provenance=Provenance(
                    source="rattled",
                    parent=parent,
                    removed=formula,
                    n_removed=n_removed,
                    group=f"{parent}-{kind}-{index}",
                    details={"amplitude": round(float(amplitude / 2), 6)},
                ),
            )
        )
    return perturbed


def md_starts(
    structure: Structure, parent: str, settings: DatasetSettings, line: CompositionLine
) -> list[UnlabelledStructure]:
    """Make the starts of the reference MD: the crystal, then cells with removals.

    Raises
    ------
    DatasetError
        When the supercell holds too few units.
    """
    # A small rattle breaks the symmetry that forces would otherwise keep.
    quiet = settings.model_copy(
        update={"n_rattled": 1, "rattle": 0.02, "rattle_strain": 0.0}
    )
    starts = rattled_structures(structure, parent, quiet)
    return starts + removed_structures(
        structure, parent, quiet, line, settings.n_trajectories - 1, kind="started"
    )


def _generator(
    settings: DatasetSettings, parent: str, kind: str
) -> np.random.Generator:
    # Every crystal and kind draws its own numbers, whatever else is in the campaign.
    return np.random.default_rng(
        [settings.seed, zlib.crc32(parent.encode()), zlib.crc32(kind.encode())]
    )


def _amplitudes(n: int, settings: DatasetSettings) -> np.ndarray:
    return settings.rattle * (np.arange(n) + 1) / max(n, 1)


def _scaled(structure: Structure, change: np.ndarray) -> Structure:
    lattice = Lattice(structure.lattice.matrix * (1 + change)[:, None])
    return Structure(lattice, structure.species, structure.frac_coords)


def _rattled(
    structure: Structure,
    amplitude: float,
    rng: np.random.Generator,
    settings: DatasetSettings,
    parent: str,
) -> Structure:
    limit = settings.rattle_strain

    def draw() -> Structure:
        moved = _scaled(structure, rng.uniform(-limit, limit, size=3))
        shifts = rng.normal(scale=amplitude, size=(len(moved), 3))
        return Structure(
            moved.lattice,
            moved.species,
            moved.cart_coords + shifts,
            coords_are_cartesian=True,
        )

    return _first_sound(draw, settings, parent)


def _squeezed(
    structure: Structure,
    pair: tuple[str, str],
    contact: float,
    rng: np.random.Generator,
) -> Structure | None:
    """Bring two atoms of a pair of elements together; None where others are between."""
    symbols = np.array([site.specie.symbol for site in structure])
    reach = contact * sum(covalent_radii[atomic_numbers[symbol]] for symbol in pair)
    distances = structure.distance_matrix + np.where(np.eye(len(symbols)), np.inf, 0.0)
    distances[:, symbols != pair[1]] = np.inf
    for i in rng.permutation(np.flatnonzero(symbols == pair[0]))[:_MOST_TRIES]:
        j = int(distances[i].argmin())
        if not reach < distances[i, j] < np.inf:
            continue
        _, image = structure[i].distance_and_image(structure[j])
        path = structure[j].frac_coords + image - structure[i].frac_coords
        moved = structure.copy()
        moved.translate_sites([int(i)], path * (1 - reach / distances[i, j]))
        if closest_contact(moved) > contact - _SLACK:
            return moved
    return None


def _first_sound(
    draw: Callable[[], Structure], settings: DatasetSettings, parent: str
) -> Structure:
    for _ in range(_MOST_TRIES):
        candidate = draw()
        distances: Any = candidate.get_neighbor_list(settings.min_distance)[3]
        if len(distances) == 0:
            return candidate
    raise DatasetError(
        f"{_MOST_TRIES} rattled cells of {parent} in a row had atoms closer than "
        f"{settings.min_distance} Å",
        field="dataset.rattle",
        value=settings.rattle,
        remedy="Lower dataset.rattle or dataset.min_distance",
    )
