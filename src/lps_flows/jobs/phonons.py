"""Phonons of one structure from forces on displaced cells; soft modes are followed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import job
from pymatgen.core import Structure

from lps_flows.analysis.phonons import PhononSettings, displaced_cells, vibrations
from lps_flows.analysis.soft_modes import along_softest_mode
from lps_flows.engines import EngineError, read_calculation
from lps_flows.jobs.calculations import (
    SEES_STORE,
    calculate_all,
    finished,
    succeeded,
)
from lps_flows.jobs.properties import PropertyMaker
from lps_flows.schemas import Provenance
from lps_flows.schemas.phonons import FollowedMode, PhononDocument

_LOWER = 1e-6
"""A structure counts as lower from this difference on (eV/atom)."""


@dataclass
class PhononMaker(PropertyMaker):
    """Compute the harmonic vibrations of one relaxed structure.

    While a mode is imaginary the structure is displaced along the lowest one, both
    ways, and relaxed; the lower of the two takes its place, `settings.follow` times at
    most.

    Parameters
    ----------
    engine
        The engine that gives the forces.
    line
        Composition line on which x is given.
    settings
        Displacements, supercell, temperatures.
    """

    name: str = "phonons"
    settings: PhononSettings = field(default_factory=PhononSettings)

    def computed(
        self,
        structure: Structure,
        provenance: Provenance,
        followed: Sequence[FollowedMode] = (),
    ) -> Any:
        """Compute the forces on all displaced cells, and what follows."""
        return calculate_all(
            self.engine,
            displaced_cells(structure, self.settings),
            collect_phonons,
            relax=False,
            name=self.name,
            maker=self,
            structure=structure,
            provenance=provenance,
            followed=list(followed),
        )


@job(config=SEES_STORE)
def collect_phonons(
    tasks: Iterable[Any],
    *,
    maker: PhononMaker,
    structure: Structure,
    provenance: Provenance,
    followed: Sequence[FollowedMode],
    **written: Any,
) -> Any:
    """Return the vibrations from the forces on the displaced cells, or go on.

    Raises
    ------
    EngineError
        When one of them failed: the modes rest on all.
    """
    cells = [read_calculation(finished(task)) for task in tasks]
    if len(cells) < 2:
        raise EngineError("no displaced cell was computed")
    forces = np.array([cell.forces for cell in cells])
    document = PhononDocument(
        **maker.facts(structure, provenance),
        **written,
        n_evaluations=len(cells),
        energy_per_atom=cells[0].energy / len(cells[0].structure),
        vibrations=vibrations(structure, forces, maker.settings),
        structure=structure,
        followed=list(followed),
    )
    if document.vibrations.stable or len(followed) >= maker.settings.follow:
        return document
    ways = along_softest_mode(structure, forces, maker.settings)
    if not ways:
        return document
    return calculate_all(
        maker.engine,
        ways,
        collect_followed,
        relax=True,
        name=f"{maker.name} followed",
        maker=maker,
        document=document,
    )


@job(config=SEES_STORE)
def collect_followed(
    tasks: Iterable[Any],
    *,
    maker: PhononMaker,
    document: PhononDocument,
    **_written: Any,
) -> Any:
    """Return the phonons of the lower end of a soft mode; there may be none."""
    ends, _ = succeeded(tasks)
    change, lowest = min(
        (
            (end.energy / len(end.structure) - document.energy_per_atom, end.structure)
            for _, end in ends
        ),
        key=lambda end: end[0],
        default=(np.inf, None),
    )
    if lowest is None or document.structure is None or change > -_LOWER:
        return document
    step = FollowedMode(
        frequency=document.vibrations.lowest_frequency,
        energy_change=change,
        nsites=len(lowest),
    )
    return maker.computed(lowest, document.provenance, [*document.followed, step])
