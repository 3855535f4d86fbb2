"""A search as a document: generations, survivors, and all it takes to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from lps_flows.schemas.base import CalculationDocument, Part, StoredStructure
from lps_flows.schemas.composition import CompositionFacts
from lps_flows.schemas.structure import StructureDocument

STILL_FALLING = 1e-3
"""Last fall beyond which a search had not ended (eV/atom)."""


def last_fall(best_energies: Sequence[float]) -> float | None:
    """Return by how much a search fell over the last fifth of its generations.

    Parameters
    ----------
    best_energies
        Lowest energy after every generation (eV/atom), the first, random one included.

    Examples
    --------
    >>> last_fall([-4.0, -4.1, -4.25, -4.25])
    0.15000000000000036
    """
    if len(best_energies) < 2:
        return None
    window = max(2, (len(best_energies) - 1) // 5)
    return best_energies[max(0, len(best_energies) - 1 - window)] - best_energies[-1]


def fell(run: Mapping[str, Any]) -> float | None:
    """Return the last fall of an `EvolutionDocument`, given as plain data.

    Documents of before do not say it; their generations show it.
    """
    if "last_fall" in run:
        return run["last_fall"]
    return last_fall([one["best_energy_per_atom"] for one in run["generations"]])


class IndividualDocument(Part):
    """One relaxed structure of a search.

    Its atoms stand in the order of the parent's sites that were kept.
    """

    identifier: int = Field(description="Unique within the run, in order of birth.")
    generation: int = Field(description="Generation it was born in.")
    operator: str = Field(description="What made it.")
    parents: list[int] = Field(description="Identifiers it descends from.")
    removed: list[int] = Field(description="Removed sites of the parent supercell.")
    by_genome: bool = Field(
        description="True when its removed sites were chosen; no genome is chosen "
        "twice."
    )
    energy_per_atom: float | None = Field(
        description="Energy (eV/atom), none when it could not be computed."
    )
    energy: float | None = Field(description="Total energy (eV) or none.")
    energy_std: float | None = Field(
        description="Committee standard deviation (eV/atom) or none."
    )
    converged: bool = Field(description="Whether the relaxation converged.")
    rejection: str | None = Field(description="Why it could not join, or none.")
    lattice: list[list[float]] = Field(description="Cell vectors as rows (Å).")
    coordinates: list[list[float]] = Field(description="Fractional coordinates.")
    atomic_energies: list[float] | None = Field(
        None, description="Share of each atom in the energy (eV), where known."
    )


class GenerationDocument(Part):
    """One generation, with the state a resumed run starts from."""

    index: int = Field(description="0 for the first, random generation.")
    newborn: list[IndividualDocument] = Field(
        description="Everything relaxed in this generation, rejected ones included."
    )
    population: list[int] = Field(
        description="Identifiers of the survivors, lowest energy first."
    )
    best_energy_per_atom: float = Field(description="Lowest energy (eV/atom).")
    rejections: dict[str, int] = Field(description="Counts by reason.")
    weights: dict[str, float] = Field(description="Odds of the operators from here.")
    tried: dict[str, int] = Field(description="Children relaxed, by operator.")
    entered: dict[str, int] = Field(description="Children that joined, by operator.")
    generator_state: dict[str, Any] = Field(
        description="PCG64 state after this generation, 128-bit numbers as text."
    )
    n_evaluations: int = Field(description="Relaxations since the start.")
    next_identifier: int = Field(description="Identifier of the next individual.")
    stale: int = Field(description="Generations without improvement.")
    restarts: int = Field(description="Times it was redrawn for want of survivors.")
    stopped: str | None = Field(description="Why the run ended here, or none.")


class EvolutionDocument(CalculationDocument, CompositionFacts):
    """A search over the units removed from one parent, so far or complete."""

    method: str = Field(description="Potential of the energies, 'ann-<id>'.")
    parent: str = Field(description="Key of the parent crystal.")
    removed: str = Field(description="Formula of the end member removed.")
    n_removed: int = Field(description="Units removed.")
    formula: str = Field(description="Full formula of the individuals.")
    x: float | None = Field(
        description="Position on the composition line, none off it."
    )
    nsites: int = Field(description="Atoms of an individual.")
    settings: dict[str, Any] = Field(description="`EvolutionSettings`, whole.")
    relaxation: dict[str, Any] = Field(description="`RelaxationSettings`, whole.")
    end_members: tuple[str, str] = Field(description="The composition line.")
    parent_structure: StoredStructure = Field(
        description="Parent supercell, whose site indices the genomes refer to."
    )
    n_generations: int = Field(description="Generations after the first.")
    n_evaluations: int = Field(description="Relaxations in all.")
    best_energy_per_atom: float = Field(description="Lowest energy (eV/atom).")
    rejections: dict[str, int] = Field(description="Counts by reason, whole run.")
    stopped: str | None = Field(description="Why the run ended; none while it goes on.")
    generations: list[GenerationDocument] = Field(
        description="History, first generation first (kept in the data store)."
    )
    last_fall: float | None = Field(
        default_factory=lambda known: last_fall(
            [generation.best_energy_per_atom for generation in known["generations"]]
        ),
        description="Fall of the lowest energy over the last fifth of the generations, "
        "two at least (eV/atom); none for a search without generations.",
    )
    lowest: list[StructureDocument] = Field(
        description="Lowest distinct structures, lowest first (in the data store)."
    )
    uncertain: list[StructureDocument] = Field(
        description="Structures rejected for the committee's uncertainty, most "
        "uncertain first, for labelling (in the data store)."
    )

    @property
    def still_falling(self) -> bool:
        """True when it had not ended: it goes on, or fell in the last generations."""
        return self.stopped is None or (self.last_fall or 0.0) > STILL_FALLING
