"""The elastic tensor of one structure, by the steps of atomate2's elastic flow.

Relax, deform, relax the atoms in every deformed cell, fit stresses to strains. The
deformations and the fit are atomate2's; de Jong et al., Sci. Data 2, 150009 (2015).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase.units import GPa
from jobflow import job
from pymatgen.core import Structure

from lps_flows.analysis.elasticity import TensorSettings
from lps_flows.engines import BAD_STRUCTURE, EngineError, read_calculation
from lps_flows.engines.reading import Calculation
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.calculations import SEES_STORE, calculate_all, finished
from lps_flows.jobs.properties import PropertyMaker
from lps_flows.schemas import Provenance
from lps_flows.schemas.elasticity import TensorDocument

_KBAR = -10.0 / GPa
"""kbar per eV/Å^3, positive under compression, as atomate2 takes stresses."""


@dataclass
class ElasticTensorMaker(PropertyMaker):
    """Compute the elastic tensor of one structure.

    Parameters
    ----------
    engine
        Its relaxations are to be tight (`TensorSettings.fmax`).
    line
        Composition line on which x is given.
    settings
        Deformations.
    """

    name: str = "elastic tensor"
    settings: TensorSettings = field(default_factory=TensorSettings)

    def computed(self, structure: Structure, provenance: Provenance) -> Any:
        """Relax the structure by this engine, then its deformed cells."""
        return calculate_all(
            self.engine,
            [structure],
            deform,
            relax=True,
            name=self.name,
            maker=self,
            provenance=provenance,
            structure=structure,
        )

    def without_tensor(
        self,
        structure: Structure,
        provenance: Provenance,
        why: Exception,
        **written: Any,
    ) -> TensorDocument:
        """Return the document of a structure of which a cell came apart."""
        problem = why.problem if isinstance(why, LpsFlowsError) else why
        return TensorDocument(
            **self.facts(structure, provenance),
            **written,
            tensor=None,
            n_deformations=0,
            residual_stress=None,
            failure=f"a cell came apart on this potential: {problem}",
        )


@job(config=SEES_STORE)
def deform(
    tasks: Iterable[Any],
    *,
    maker: ElasticTensorMaker,
    provenance: Provenance,
    structure: Structure | None = None,
    **written: Any,
) -> Any:
    """Relax the atoms in every deformed cell of a relaxed structure.

    Raises
    ------
    EngineError
        When the relaxation did not finish.
    """
    from atomate2.common.jobs.elastic import generate_elastic_deformations

    (task,) = tasks
    try:
        start = read_calculation(finished(task))
    except BAD_STRUCTURE as error:
        if task is None or structure is None:
            raise
        return maker.without_tensor(structure, provenance, error, **written)
    generate: Any = generate_elastic_deformations  # a job by jobflow's decorator
    deformations = generate.original(
        start.structure,
        strain_magnitudes=maker.settings.strains(),
        symprec=maker.settings.symmetry,
    )
    cells = [each.apply_to_structure(start.structure) for each in deformations]
    return calculate_all(
        maker.engine.with_fixed_cell(),
        cells,
        collect_tensor,
        relax=True,
        name=f"{maker.name} deformed",
        maker=maker,
        structure=start.structure,
        equilibrium=_stress(start).tolist(),
        n_before=start.n_steps,
        deformations=[np.asarray(each).tolist() for each in deformations],
        provenance=provenance,
    )


@job
def collect_tensor(
    tasks: Iterable[Any],
    *,
    maker: ElasticTensorMaker,
    structure: Structure,
    equilibrium: list[list[float]],
    n_before: int,
    deformations: Sequence[list[list[float]]],
    provenance: Provenance,
    **written: Any,
) -> TensorDocument:
    """Fit the tensor to the stresses of the deformed cells.

    The tensor rests on all: there is none where one of them came apart.

    Raises
    ------
    EngineError
        When one of them did not finish.
    """
    from atomate2.common.schemas.elastic import ElasticDocument
    from pymatgen.analysis.elasticity import Deformation, Stress

    ends: list[Calculation] = []
    for task in tasks:
        try:
            ends.append(read_calculation(finished(task)))
        except BAD_STRUCTURE as error:
            if task is None:
                raise
            return maker.without_tensor(structure, provenance, error, **written)
    names = [str(place) for place in range(len(ends))]
    fitted: Any = ElasticDocument.from_stresses(
        structure,
        [Stress(_stress(end) - equilibrium) for end in ends],
        [Deformation(each) for each in deformations],
        uuids=names,
        job_dirs=names,
        order=2,
        # differences of strains that symmetry makes nearly equal would blow up
        fitting_method="pseudoinverse",
        symprec=maker.settings.symmetry,
    )
    return TensorDocument(
        **maker.facts(structure, provenance),
        **written,
        n_evaluations=n_before + sum(end.n_steps for end in ends),
        tensor=fitted.elastic_tensor.ieee_format,
        n_deformations=len(ends),
        residual_stress=float(np.abs(equilibrium).max() / 10),
    )


def _stress(calculation: Calculation) -> np.ndarray:
    """Return the stress as atomate2 takes it (kbar), shape (3, 3).

    Raises
    ------
    EngineError
        When the engine gives none.
    """
    if calculation.stress is None:
        raise EngineError("the engine gives no stress")
    return _KBAR * calculation.stress
