"""Hand the lowest structures of a GA run to the reference engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
from jobflow import Flow, Maker, OnMissing, OutputReference, Response, job
from pydantic import Field

from lps_flows.evolution import (
    EvolutionSettings,
    Individual,
    chebyshev_fingerprint,
    lowest_distinct,
)
from lps_flows.evolution.errors import EvolutionError
from lps_flows.foundation import FrozenSettings
from lps_flows.jobs.calculations import failing_through
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.jobs.references import both, recall
from lps_flows.jobs.single_points import relaxation_uuids
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.sampling import SamplingDocument

if TYPE_CHECKING:
    from lps_flows.schemas.evolution import EvolutionDocument


class LowestSettings(FrozenSettings):
    """How many structures are relaxed, and when the ANN's order counts as poor."""

    n_lowest: int = Field(
        10, ge=1, description="Structures per composition relaxed by the reference."
    )
    min_rank_correlation: float = Field(
        0.5,
        ge=-1,
        le=1,
        description="Spearman's rho below which more training data is called for.",
    )
    max_energy_std: float = Field(
        0.01,
        gt=0,
        description="Committee standard deviation (eV/atom) above which more "
        "training data is called for.",
    )


@dataclass
class RelaxLowestMaker(Maker):
    """Relax the lowest structures of one composition, each a firework of its own."""

    name: str = "relax lowest"
    relax: ReferenceRelaxMaker = field(default_factory=ReferenceRelaxMaker)
    settings: LowestSettings = field(default_factory=LowestSettings)

    @job
    def make(
        self,
        evolution: EvolutionDocument | None,
        others: Sequence[EvolutionDocument | None] = (),
        potential: Any = None,
    ) -> Response:
        """Replace this job by one relaxation per structure and their comparison.

        Parameters
        ----------
        evolution
            Search of the composition; None when it failed.
        potential
            Their potential, by its job's uuid or as `load_potential` takes it: it leads
            the relaxations.

        Returns
        -------
        Response
            The relaxations and a `SamplingDocument` over them.

        Raises
        ------
        EvolutionError
            When every search failed.
        """
        searches = [search for search in (evolution, *others) if search is not None]
        if not searches:
            raise EvolutionError(
                "every search of this composition failed",
                field="evolution",
                value=1 + len(others),
                remedy="Look at their failures with `lps-flows status`, then run again "
                "with --retry-failed",
            )
        lowest = lowest_of(searches, self.settings.n_lowest)
        leads = potential if self.relax.single_points is not None else None
        recalling, given = recall(potential=both(leads))
        flows = [
            failing_through(self.relax.make(entry.structure, entry.provenance, **given))
            for entry in lowest
        ]
        compare = compare_energies(
            [flow.output for flow in flows],
            structure_uuids=[flow.output.uuid for flow in flows],
            relaxation_uuids=relaxation_uuids(flows),
            method=self.relax.engine.method,
            potential_method=searches[0].method,
            provenance=lowest[0].provenance,
            formula=lowest[0].formula,
            x=lowest[0].x,
            ann_energies=[entry.energy_per_atom for entry in lowest],
            ann_stds=[entry.energy_std for entry in lowest],
            best_energies=[search.best_energy_per_atom for search in searches],
            still_falling=any(search.still_falling for search in searches),
            settings=self.settings,
        )
        # A relaxation that fails is reported by the comparison, not fatal to it.
        compare.config.on_missing_references = OnMissing.NONE
        return Response(
            replace=Flow(
                [*recalling, *flows, compare], output=compare.output, name=self.name
            )
        )


def lowest_of(
    searches: Sequence[EvolutionDocument], n_lowest: int
) -> list[StructureDocument]:
    """Return the lowest structures of all searches, lowest first, each once."""
    if len(searches) == 1:  # they are distinct already
        return searches[0].lowest[:n_lowest]
    settings = EvolutionSettings.model_validate(
        {**searches[0].settings, "n_lowest": n_lowest}
    )
    entries = [entry for search in searches for entry in search.lowest]
    fingerprint = chebyshev_fingerprint(sorted(set(entries[0].structure.symbol_set)))
    individuals = [
        Individual(
            structure=entry.structure,
            removed=(),
            operator="",
            identifier=k,
            generation=0,
            energy=entry.energy,
            energy_std=entry.energy_std,
            converged=entry.converged,
            fingerprint=fingerprint(entry.structure),
        )
        for k, entry in enumerate(entries)
    ]
    return [entries[one.identifier] for one in lowest_distinct(individuals, settings)]


@job(output_schema=SamplingDocument)
def compare_energies(
    relaxed: list[StructureDocument | None],
    *,
    structure_uuids: list[str],
    method: str,
    potential_method: str,
    provenance: Provenance,
    formula: str,
    x: float | None,
    ann_energies: list[float],
    ann_stds: list[float | None],
    best_energies: list[float],
    still_falling: bool,
    settings: LowestSettings,
    relaxation_uuids: Sequence[str] = (),
) -> SamplingDocument:
    """Set ANN energies (eV/atom) beside reference energies of the same structures.

    Parameters
    ----------
    method
        What to write where nothing was relaxed: what was says its own method, which an
        engine on a potential by its job's uuid knows only where it computes.
    """
    reference = [None if entry is None else entry.energy_per_atom for entry in relaxed]
    pairs = np.array(
        [
            (ann, energy)
            for ann, energy in zip(ann_energies, reference, strict=True)
            if energy is not None
        ]
    ).reshape(-1, 2)
    order = None
    if len(pairs) > 2 and np.ptp(pairs, axis=0).all():
        order = float(scipy.stats.spearmanr(pairs[:, 0], pairs[:, 1]).statistic)
    uncertain = any(
        std is not None and std > settings.max_energy_std for std in ann_stds
    )
    return SamplingDocument(
        method=next((e.method for e in relaxed if e is not None), method),
        potential_method=potential_method,
        parent=str(provenance.parent),
        removed=str(provenance.removed),
        n_removed=int(provenance.n_removed or 0),
        formula=formula,
        x=x,
        structure_uuids=structure_uuids,
        structures={
            uuid: OutputReference(uuid)
            for uuid, energy in zip(structure_uuids, reference, strict=True)
            if energy is not None
        },
        relaxation_uuids=list(relaxation_uuids),
        ann_energies=ann_energies,
        ann_stds=ann_stds,
        reference_energies=reference,
        mean_absolute_error=(
            float(1000 * np.mean(np.abs(pairs[:, 0] - pairs[:, 1])))
            if len(pairs)
            else None
        ),
        rank_correlation=order,
        best_energies=best_energies,
        search_error=(
            max(best_energies) - min(best_energies) if len(best_energies) > 1 else None
        ),
        still_falling=still_falling,
        needs_active_learning=uncertain
        or (order is not None and order < settings.min_rank_correlation),
    )
