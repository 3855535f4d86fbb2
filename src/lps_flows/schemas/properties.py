"""What jobs on one relaxed structure say of it, whatever they compute."""

from __future__ import annotations

from pydantic import Field

from lps_flows.schemas.base import CalculationDocument
from lps_flows.schemas.composition import CompositionFacts
from lps_flows.schemas.structure import Provenance


class PropertyDocument(CalculationDocument, CompositionFacts):
    """Base of the outputs of jobs that compute a property of one structure."""

    method: str = Field(description="Method of the calculations.")
    provenance: Provenance = Field(description="Where the structure comes from.")
    formula: str = Field(description="Full formula of the cell.")
    x: float | None = Field(description="Position on the line, none off it.")
    nsites: int = Field(ge=1, description="Atoms in the cell.")
    n_evaluations: int | None = Field(
        None,
        description="Evaluations of energy and forces by `method`; none in documents "
        "of before.",
    )
