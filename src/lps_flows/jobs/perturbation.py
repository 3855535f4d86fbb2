"""Structures around a crystal: strained, rattled, squeezed, with units removed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from pydantic import Field, ValidationInfo, field_validator
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import (
    CompositionLine,
    UnknownCrystalError,
    closest_contact,
    entry,
    remove_units,
    supercell_near,
)
from lps_flows.engines import MDSettings
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.jobs.dynamics import DynamicsSettings
from lps_flows.schemas import Provenance
from lps_flows.schemas.reference import UnlabelledStructure

_MOST_TRIES = 50
# Distances of a squeezed pair, over the sum of covalent radii: Li and S 1.9 and 1.6 Å
# apart, where a force of 5 to 12 eV/Å parts them.
_SQUEEZED = (0.8, 0.7)
_SLACK = 1e-3
SQUEEZED_FORCE = 25.0
"""Force (eV/Å) that training must let in to learn from squeezed cells."""


class DatasetError(LpsFlowsError):
    """Reference structures cannot be made as asked."""


class DatasetSettings(FrozenSettings):
    """Which reference structures are made of every crystal, and which are there."""

    labelled: tuple[str, ...] = Field(
        (),
        description="Files of structures that are labelled already and join the set as "
        "they are: extended XYZ as `lps-flows export --format labels` writes it, each "
        "frame with the `method` of its energy, which is the engine's; compressed or "
        "not. A relative path counts from the campaign file.",
    )
    isotropic_strains: tuple[float, ...] = Field(
        (-0.15, -0.1, -0.06, -0.03, 0.03, 0.06, 0.1, 0.15),
        description="Relative changes of all three lattice parameters together.",
    )
    n_strained: int = Field(
        8, ge=0, description="Crystals whose lattice parameters change independently."
    )
    max_strain: float = Field(
        0.15,
        ge=0,
        lt=0.5,
        description="Largest relative change of a lattice parameter.",
    )
    n_rattled: int = Field(8, ge=0, description="Rattled supercells per crystal.")
    rattle: float = Field(
        0.25, ge=0, description="Largest standard deviation of displacements (Å)."
    )
    rattle_strain: float = Field(
        0.03, ge=0, lt=0.5, description="Largest lattice change of rattled cells."
    )
    n_squeezed: int = Field(
        0,
        ge=0,
        description="Supercells of every crystal in which one atom is pushed onto a "
        "neighbour, to 0.8 and 0.7 of the sum of their covalent radii, each pair of "
        "elements in turn: what keeps atoms apart in a melt. They ask for a "
        "`training.max_force` of 25 eV/Å or more.",
    )
    n_removed: int = Field(
        8,
        ge=0,
        description="Supercells per parent with units of an end member removed.",
    )
    relax_removed: bool = Field(
        True,
        description="Relax them a little way and keep frames of it; otherwise label "
        "them as they are.",
    )
    max_removed_fraction: float = Field(
        0.35,
        gt=0,
        lt=1,
        description="Largest fraction of an end member's units that is removed.",
    )
    removal_parents: tuple[str, ...] | None = Field(
        None,
        description="Crystals that get removals and MD; none: all that hold both end "
        "members.",
    )
    relaxation_steps: int = Field(
        100, ge=2, description="Most steps of the relaxations that add to the set."
    )
    relaxation_frames: int = Field(
        6, ge=1, description="Frames kept of each such relaxation."
    )
    n_trajectories: int = Field(
        1,
        ge=0,
        description="MD runs per parent; the first starts from the crystal, the "
        "others from supercells with units removed.",
    )
    md_temperature: float = Field(1200.0, gt=0, description="MD temperature (K).")
    md_steps: int = Field(3000, ge=1, description="Steps of each MD run.")
    md_chunk_steps: int | None = Field(
        None,
        ge=1,
        description="Most steps of one MD job: what a killed job costs. None: one job "
        "per run.",
    )
    n_snapshots: int = Field(
        150, ge=1, description="Evenly spaced snapshots per trajectory."
    )
    relax_snapshots: bool = Field(
        True,
        description="Relax the snapshots and keep frames of the way down, the snapshot "
        "first; otherwise label the snapshots alone.",
    )
    target_atoms: int = Field(
        100, ge=1, le=5000, description="Atoms in a supercell, about."
    )
    min_distance: float = Field(
        1.2, gt=0, description="Structures with a shorter distance are redrawn (Å)."
    )
    seed: int = Field(0, ge=0, description="Seed of every random draw.")

    @field_validator("labelled")
    @classmethod
    def _beside_the_campaign_file(
        cls, value: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        folder = (info.context or {}).get("folder")
        return value if folder is None else tuple(str(Path(folder, f)) for f in value)

    @field_validator("isotropic_strains")
    @classmethod
    def _sensible(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(abs(strain) >= 0.5 for strain in value):
            msg = "a strain is a fraction, below 0.5 in size"
            raise ValueError(msg)
        return value

    def dynamics(self, md: MDSettings) -> DynamicsSettings:
        """Return how the MD runs are integrated, cut into jobs and stored."""
        return DynamicsSettings(
            time_step=md.time_step,
            damping_time=md.damping_time,
            frame_interval=max(1, self.md_steps // self.n_snapshots),
            chunk_length=(self.md_chunk_steps or self.md_steps) * md.time_step,
            seed=self.seed,
        )

    def parents(self, keys: list[str], line: CompositionLine) -> tuple[str, ...]:
        """Return which of these crystals get removals and MD.

        Raises
        ------
        DatasetError
            When `removal_parents` names one that is not at hand.
        """
        wanted = self.removal_parents
        if wanted is None:
            return tuple(key for key in keys if _holds_both_end_members(key, line))
        missing = sorted(set(wanted) - set(keys))
        if missing:
            raise DatasetError(
                "these parents are not among the crystals of the campaign",
                field="dataset.removal_parents",
                value=missing,
                remedy=f"Name some of {', '.join(keys)}, or add the crystals",
            )
        return wanted


def _holds_both_end_members(key: str, line: CompositionLine) -> bool:
    try:
        x = entry(key).x(line)
    except UnknownCrystalError:
        return True
    return x is not None and 0 < x < 1


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
) -> list[UnlabelledStructure]:
    """Take units of an end member out of a supercell and rattle what is left.

    End member and number of units are drawn at random, so that the set covers the
    compositions a parent can reach.

    Raises
    ------
    DatasetError
        When the crystal does not hold two units of either end member.
    """
    rng = _generator(settings, parent, "removed")
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
                    group=f"{parent}-removed-{index}",
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
        structure, parent, quiet, line, settings.n_trajectories - 1
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

    return _first_sound(draw, settings.min_distance, parent, amplitude)


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
    draw: Callable[[], Structure], shortest: float, parent: str, amplitude: float
) -> Structure:
    for _ in range(_MOST_TRIES):
        candidate = draw()
        distances: Any = candidate.get_neighbor_list(shortest)[3]
        if len(distances) == 0:
            return candidate
    raise DatasetError(
        f"{_MOST_TRIES} rattled cells of {parent} in a row had atoms closer than "
        f"{shortest} Å",
        field="dataset.rattle",
        value=amplitude,
        remedy="Lower dataset.rattle or dataset.min_distance",
    )
