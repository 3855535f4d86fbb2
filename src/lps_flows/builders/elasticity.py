"""Bulk moduli from the equations of state that jobs computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lps_flows.analysis import ElasticitySettings, fit_eos
from lps_flows.analysis.elasticity import EOSError, EOSFit
from lps_flows.builders.increment import JobOutputBuilder
from lps_flows.jobs.outputs import campaign_of, checked_output
from lps_flows.schemas.elasticity import (
    ELASTICITY_INDEXES,
    ElasticityDocument,
    EOSDocument,
)


def elasticity_document(
    job: Mapping[str, Any], settings: ElasticitySettings, source: str
) -> ElasticityDocument:
    """Return the bulk modulus of one job's equation of state.

    A fit that fails or cannot be trusted is recorded with its reason.
    """
    output = checked_output(job, EOSDocument)
    n = output.nsites
    fit: EOSFit | None = None
    try:
        fit = fit_eos(output.volumes, output.energies)
        note = _doubt(fit, settings)
    except EOSError as error:
        note = str(error)
    return ElasticityDocument(
        elasticity_id=job["uuid"],
        campaign=campaign_of(job),
        method=output.method,
        source_digest=source,
        formula=output.formula,
        x=output.x,
        source=output.provenance.source,
        parent=output.provenance.parent,
        relaxed_ions=output.relaxed_ions,
        volumes=[v / n for v in output.volumes],
        energies=[e / n for e in output.energies],
        bulk_modulus=fit and fit.bulk_modulus,
        bulk_modulus_error=fit and fit.bulk_modulus_error,
        pressure_derivative=fit and fit.pressure_derivative,
        volume=fit and fit.volume / n,
        rmse=fit and fit.rmse / n,
        trusted=note is None,
        note=note,
        settings=settings.model_dump(mode="json"),
    )


def _doubt(fit: EOSFit, settings: ElasticitySettings) -> str | None:
    if not fit.bracketed:
        return "the minimum lies outside the volumes that were computed"
    relative = fit.bulk_modulus_error / fit.bulk_modulus
    if not relative <= settings.max_relative_error:
        return f"the standard error is {100 * relative:.0f} % of the bulk modulus"
    return None


class ElasticityBuilder(JobOutputBuilder):
    """One bulk modulus per equation of state in the job store.

    Parameters as `IncrementalBuilder`, with `ElasticitySettings`.
    """

    key = "elasticity_id"
    indexes = ELASTICITY_INDEXES
    settings_type = ElasticitySettings
    output = "EOSDocument"

    def document(
        self,
        job: Mapping[str, Any],
        context: dict[str, Any],  # noqa: ARG002
        source: str,
    ) -> ElasticityDocument:
        """Return the bulk modulus of one equation of state."""
        return elasticity_document(job, self.settings, source)
