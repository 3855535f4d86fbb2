"""Find the structures a potential knows least, for the reference engine to label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from jobflow import Maker, job
from pydantic import Field

from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.exploration import ExplorationSettings
from lps_flows.potential import ANNPotential, committee_uncertainty, most_uncertain
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.evolution import EvolutionDocument
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.reference import UnlabelledSet, UnlabelledStructure


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
    dynamics: ExplorationSettings | None = Field(
        ExplorationSettings(),
        description="Short dynamics on the ANN that explore beside the GA; none leaves "
        "them out.",
    )


@dataclass
class UncertainStructuresMaker(Maker):
    """Pick the structures with the largest committee uncertainty.

    Parameters
    ----------
    settings
        How many structures, and from which uncertainty on.
    """

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
        potential
            The potential and its committee.
        pools
            Outputs of explorations (`EvolutionDocument`, `UnlabelledSet`) or labelled
            sets; None marks a failed one.

        Returns
        -------
        UnlabelledSet
            The most uncertain structures first; empty when the potential knows all.
        """
        documents = list(_documents(pools))
        model = ANNPotential.from_dict(potential.potential)
        structures = [document.structure for document in documents]
        stds = committee_uncertainty(model, structures)
        picked = most_uncertain(
            model,
            structures,
            self.settings.n_structures,
            threshold=self.settings.min_energy_std,
        )
        entries = [
            UnlabelledStructure(
                structure=documents[index].structure,
                provenance=_with_uncertainty(
                    documents[index].provenance, float(stds[index])
                ),
            )
            for index in picked
        ]
        return UnlabelledSet(n_structures=len(entries), entries=entries)


def _documents(
    pools: Sequence[StructureSet | UnlabelledSet | EvolutionDocument | None],
) -> Iterator[StructureDocument | UnlabelledStructure]:
    for pool in pools:
        if isinstance(pool, EvolutionDocument):
            yield from pool.uncertain
            yield from pool.lowest
        elif pool is not None:
            yield from pool.entries


def _with_uncertainty(provenance: Provenance, std: float) -> Provenance:
    details = {**provenance.details, "energy_std": std}
    return provenance.model_copy(update={"details": details})
