"""Sample one composition: the GA on the ANN, then the reference engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from jobflow import Flow, Maker, OnMissing, OutputReference
from jobflow.core.reference import ResolvedReference
from pydantic import BeforeValidator, Field, PositiveInt
from pymatgen.core import Structure

from lps_flows.chemistry import (
    CompositionLine,
    crystal,
    left_over,
    supercell_near,
    written_unit,
)
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.evolution import EvolutionMaker
from lps_flows.jobs.lowest import RelaxLowestMaker
from lps_flows.jobs.references import both, uuid_of


class ScanSettings(FrozenSettings):
    """Compositions reached from one parent by removing units of one kind.

    Examples
    --------
    >>> scan = ScanSettings(
    ...     parent="Li7P3S11", remove={"Li2S": 1, "S": 3}, n_units=[4], target_atoms=168
    ... )
    >>> scan.compositions(CompositionLine())
    [(4, 'Li48P24S72', None)]
    """

    parent: str = Field(description="Key of the parent crystal.")
    remove: Annotated[str, BeforeValidator(written_unit)] = Field(
        description="Formula of the end member removed; or, to leave the line, how "
        "many of which formulas make a unit: `{Li2S: 1, S: 2}`."
    )
    n_units: tuple[PositiveInt, ...] = Field(
        min_length=1, description="Numbers of units removed, one composition each."
    )
    target_atoms: int = Field(
        128, ge=1, le=5000, description="Atoms of the parent supercell, about."
    )

    def compositions(
        self, line: CompositionLine, parent: Structure | None = None
    ) -> list[tuple[int, str, float | None]]:
        """Return (units removed, formula, x) per composition, before any computing.

        x is None off the line.

        Parameters
        ----------
        parent
            Cell of the parent; the library's crystal of that key by default.

        Raises
        ------
        UnknownCrystalError
            When the library has no such parent.
        RemovalError
            When the supercell holds too few units.
        OffLineError
            When an end member is removed and the parent is not on the line.
        """
        cell = crystal(self.parent) if parent is None else parent
        composition = supercell_near(cell, self.target_atoms).composition
        reached = []
        for n_units in self.n_units:
            formula = left_over(composition, self.remove, n_units, line)
            reached.append((n_units, formula, line.position(formula)))
        return reached


class CompositionPlan(FrozenSettings):
    """One composition to be sampled."""

    parent: str = Field(description="Key of the parent crystal.")
    remove: str = Field(description="Unit removed, as `ScanSettings.remove`.")
    n_units: int = Field(ge=1, description="Units removed.")
    formula: str = Field(description="Formula reached.")
    target_atoms: int = Field(ge=1, description="Atoms of the parent cell, about.")

    @property
    def name(self) -> str:
        """Formula and parent, as flows and jobs are named."""
        return f"{self.formula} from {self.parent}"

    def removal(self) -> dict[str, Any]:
        """Return what `EvolutionMaker.make` and `melt_start` are told of it."""
        return {
            "parent_key": self.parent,
            "end_member": self.remove,
            "n_units": self.n_units,
        }


@dataclass
class SamplingFlowMaker(Maker):
    """Sample one composition and relax what is lowest with the reference engine."""

    name: str = "sampling"
    evolution: EvolutionMaker = field(default_factory=EvolutionMaker)
    lowest: RelaxLowestMaker = field(default_factory=RelaxLowestMaker)
    n_seeds: int = 1

    def make(
        self,
        parent: OutputReference,
        potential: Any,
        plan: CompositionPlan,
        unrelaxed: Structure | None = None,
    ) -> Flow:
        """Make the flow of one composition.

        Parameters
        ----------
        parent
            Reference to the `StructureDocument` of the relaxed parent crystal.
        potential
            Reference to the `PotentialDocument`, or the uuid of its job; the name of a
            published one, the path of a file, or an `ANNPotential`.
        unrelaxed
            The parent before it was relaxed, when it is not of the library.

        Returns
        -------
        Flow
            Its output is a `SamplingDocument`.
        """
        given = both(potential)
        searches = [
            maker.make(
                both(parent),
                given,
                **plan.removal(),
                target_atoms=plan.target_atoms,
                unrelaxed=unrelaxed,
            )
            for maker in self._seeded()
        ]
        first, *others = searches
        lowest = self.lowest.make(
            first.output,
            [other.output for other in others],
            uuid_of(given) if isinstance(given, ResolvedReference) else given,
        )
        # A search that fails is lost alone.
        lowest.config.on_missing_references = OnMissing.NONE
        for job in (*searches, lowest):
            job.append_name(f" {plan.name}")
        flow = Flow(
            [*searches, lowest],
            output=lowest.output,
            name=f"{self.name} {plan.name}",
        )
        flow.update_metadata(
            {"composition": plan.formula, "parent": plan.parent}, dynamic=True
        )
        return flow

    def _seeded(self) -> list[EvolutionMaker]:
        """Return the Maker of every search."""
        settings, makers = self.evolution.settings, [self.evolution]
        for k in range(1, self.n_seeds):
            seed = settings.seed + k
            makers.append(
                replace(
                    self.evolution,
                    name=f"seed {seed}, {self.evolution.name}",
                    settings=settings.model_copy(update={"seed": seed}),
                )
            )
        return makers
