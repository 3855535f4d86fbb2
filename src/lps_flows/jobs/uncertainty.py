"""Find the structures a potential knows least, for the reference engine to label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jobflow import Maker, job
from pydantic import Field

from lps_flows.chemistry import closest_contact
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.exploration import ExplorationSettings
from lps_flows.potential import ANNPotential, committee_uncertainty, most_uncertain
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.evolution import EvolutionDocument
from lps_flows.schemas.potential import LearningRound, PotentialDocument
from lps_flows.schemas.reference import UnlabelledSet, UnlabelledStructure

# Of 241 labels of the Li-P-S line, none with forces below 10 eV/Å, where training stops
# to look (TrainingSettings.max_force), had a closest contact below 0.72 of the sum of
# covalent radii, and half of the 56 others had one below this.
_NEAREST = 0.7


class EnoughSettings(FrozenSettings):
    """When the potential knows the structures it will be asked for."""

    max_error: float = Field(
        0.005,
        gt=0,
        description="Mean |ANN - reference| on the lowest structures that a round "
        "explored, before they are trained on (eV/atom).",
    )
    max_spread: float = Field(
        0.005,
        gt=0,
        description="Mean standard deviation of the committee on them (eV/atom).",
    )
    n_lowest: int = Field(
        1,
        ge=1,
        description="Lowest structures of every search that are labelled: what the "
        "potential is judged by, and where it is wrong in what it prefers.",
    )


class ActiveLearningSettings(FrozenSettings):
    """How often and with how many structures the training set grows."""

    rounds: int = Field(
        0,
        ge=0,
        le=20,
        description="Rounds of exploring, labelling and retraining; 0 switches active "
        "learning off.",
    )
    n_structures: int = Field(
        20, ge=1, description="Structures labelled per round, most uncertain first."
    )
    min_energy_std: float = Field(
        0.002,
        ge=0,
        description="Committee standard deviation (eV/atom) above which a structure "
        "is worth labelling.",
    )
    enough: EnoughSettings | None = Field(
        None,
        description="When no further round is needed; none runs all rounds. With it "
        "the lowest structures of every search of a round are labelled, too.",
    )
    refine: bool = Field(
        False,
        description="Train once more before molecular dynamics, on every single point "
        "of the relaxations, too.",
    )
    dynamics: ExplorationSettings | None = Field(
        ExplorationSettings(),
        description="Short dynamics on the ANN that explore beside the GA; none leaves "
        "them out.",
    )


@dataclass
class UncertainStructuresMaker(Maker):
    """Pick the structures with the largest committee uncertainty."""

    name: str = "uncertain structures"
    settings: ActiveLearningSettings = field(default_factory=ActiveLearningSettings)

    @job(output_schema=UnlabelledSet, data="entries")
    def make(
        self,
        potential: PotentialDocument,
        pools: Sequence[StructureSet | UnlabelledSet | EvolutionDocument | None],
    ) -> UnlabelledSet:
        """Pick from the structures of all pools together.

        Parameters
        ----------
        pools
            Outputs of explorations (`EvolutionDocument`, `UnlabelledSet`) or labelled
            sets; None marks a failed one.

        Returns
        -------
        UnlabelledSet
            The most uncertain structures first; empty when the potential knows all.
            None has atoms so close that training would leave it out for its forces.
        """
        enough = self.settings.enough
        lowest = [] if enough is None else list(_lowest(pools, enough.n_lowest))
        lowest = lowest[: self.settings.n_structures]
        taken = {id(document) for document in lowest}
        documents = [
            document
            for document in _documents(pools)
            if id(document) not in taken and _is_apart(document)
        ]
        model = ANNPotential.from_dict(potential.potential)
        structures = [document.structure for document in documents]
        stds = committee_uncertainty(model, structures)
        picked = most_uncertain(
            model,
            structures,
            self.settings.n_structures - len(lowest),
            threshold=self.settings.min_energy_std,
        )
        entries = [
            UnlabelledStructure(
                structure=documents[index].structure,
                provenance=_with(documents[index].provenance, energy_std=stds[index]),
            )
            for index in picked
        ]
        # a search's own lowest is a test of the potential, too
        entries += [
            UnlabelledStructure(
                structure=document.structure,
                provenance=_with(
                    document.provenance,
                    energy_std=document.energy_std,
                    ann_energy=document.energy_per_atom,
                ),
            )
            for document in lowest
        ]
        return UnlabelledSet(n_structures=len(entries), entries=entries)


def judge_round(
    labelled: StructureSet | None, number: int, enough: EnoughSettings
) -> LearningRound:
    """Compare the potential with the labels of the lowest structures of a round.

    Parameters
    ----------
    labelled
        What `UncertainStructuresMaker` picked, labelled; None when that failed.
    """
    pairs = [
        (
            abs(entry.provenance.details["ann_energy"] - entry.energy_per_atom),
            entry.provenance.details.get("energy_std"),
        )
        for entry in (labelled.entries if labelled else [])
        if "ann_energy" in entry.provenance.details
    ]
    spreads = [spread for _, spread in pairs if spread is not None]
    error = float(np.mean([error for error, _ in pairs])) if pairs else None
    spread = float(np.mean(spreads)) if spreads else None
    return LearningRound(
        number=number,
        error=error,
        spread=spread,
        n_evaluations=(labelled.n_evaluations or 0) if labelled else 0,
        enough=error is not None
        and error <= enough.max_error
        and (spread or 0.0) <= enough.max_spread,
    )


def _lowest(pools: Sequence[Any], n_lowest: int) -> Iterator[StructureDocument]:
    """Yield the lowest structures of each search: the lowest of all come first.

    Those with atoms too close, which training would leave out, make room for the next.
    """
    searches = [
        [document for document in pool.lowest if _is_apart(document)]
        for pool in pools
        if isinstance(pool, EvolutionDocument)
    ]
    for rank in range(n_lowest):
        for search in searches:
            yield from search[rank : rank + 1]


def _is_apart(document: StructureDocument | UnlabelledStructure) -> bool:
    return closest_contact(document.structure) >= _NEAREST


def _documents(
    pools: Sequence[StructureSet | UnlabelledSet | EvolutionDocument | None],
) -> Iterator[StructureDocument | UnlabelledStructure]:
    for pool in pools:
        if isinstance(pool, EvolutionDocument):
            yield from pool.uncertain
            yield from pool.lowest
        elif pool is not None:
            yield from pool.entries


def _with(provenance: Provenance, **facts: float | None) -> Provenance:
    known = {name: float(fact) for name, fact in facts.items() if fact is not None}
    return provenance.model_copy(update={"details": provenance.details | known})
