"""Moduli from the elastic tensors that jobs computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lps_flows.analysis.elasticity import moduli
from lps_flows.builders.increment import JobOutputBuilder
from lps_flows.chemistry import reduced_formula
from lps_flows.jobs.outputs import campaign_of, checked_output
from lps_flows.schemas.elasticity import (
    TENSOR_INDEXES,
    ElasticTensorDocument,
    TensorDocument,
)


class ElasticTensorBuilder(JobOutputBuilder):
    """The moduli of every elastic tensor in the job store.

    Parameters as `IncrementalBuilder`; no settings.
    """

    key = "tensor_id"
    indexes = TENSOR_INDEXES
    output = "TensorDocument"

    def context(self) -> Callable[[str], None]:
        """Return nothing: a tensor says all."""
        return lambda _: None

    def document(
        self,
        job: Mapping[str, Any],
        context: None,  # noqa: ARG002
        source: str,
    ) -> ElasticTensorDocument:
        """Return the moduli of one tensor."""
        output = checked_output(job, TensorDocument)
        found, lowest = (None, None) if output.tensor is None else moduli(output.tensor)
        gives_way = None if found else "gives way to a strain: it is at no minimum"
        return ElasticTensorDocument(
            tensor_id=job["uuid"],
            campaign=campaign_of(job),
            method=output.method,
            source_digest=source,
            formula_pretty=reduced_formula(output.formula),
            x=output.x,
            source=output.provenance.source,
            parent=output.provenance.parent,
            nsites=output.nsites,
            tensor=output.tensor,
            lowest_stiffness=lowest,
            moduli=found,
            n_deformations=output.n_deformations,
            residual_stress=output.residual_stress,
            note=output.failure or gives_way,
        )
