"""Bulk moduli from the equations of state that jobs computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobflow import JobStore
from maggma.core import Store

from lps_flows.analysis import ElasticitySettings, fit_eos
from lps_flows.analysis.elasticity import EOSError, EOSFit
from lps_flows.builders.increment import IncrementalBuilder, digest
from lps_flows.jobs.outputs import checked_output, newest_heads
from lps_flows.schemas.built import NO_CAMPAIGN
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

    Parameters
    ----------
    job
        Job document whose output is an `EOSDocument`.
    settings
        Thresholds.
    source
        Digest to write on it.
    """
    output = checked_output(job, EOSDocument)
    n = output.n_atoms
    fit: EOSFit | None = None
    try:
        fit = fit_eos(output.volumes, output.energies)
        note = _doubt(fit, settings)
    except EOSError as error:
        note = str(error)
    return ElasticityDocument(
        elasticity_id=job["uuid"],
        campaign=(job.get("metadata") or {}).get("campaign") or NO_CAMPAIGN,
        method=output.method,
        source_digest=source,
        formula=output.formula,
        x=output.x,
        source=output.provenance.source,
        parent=output.provenance.parent,
        relaxed_ions=output.relaxed_ions,
        volumes=[v / n for v in output.volumes],
        energies=[e / n for e in output.energies],
        bulk_modulus=None if fit is None else fit.bulk_modulus,
        bulk_modulus_error=None if fit is None else fit.bulk_modulus_error,
        pressure_derivative=None if fit is None else fit.pressure_derivative,
        volume=None if fit is None else fit.volume / n,
        rmse=None if fit is None else fit.rmse / n,
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


class ElasticityBuilder(IncrementalBuilder):
    """One bulk modulus per equation of state in the job store.

    Parameters
    ----------
    job_store
        jobflow's store.
    elasticity
        Target, with the key ``elasticity_id``.
    settings
        Thresholds.
    campaign
        Only this campaign; all by default.
    chunk_size
        Equations of state in memory at a time.
    """

    key = "elasticity_id"
    indexes = ELASTICITY_INDEXES

    def __init__(
        self,
        job_store: JobStore,
        elasticity: Store,
        *,
        settings: ElasticitySettings | dict[str, Any] | None = None,
        campaign: str | None = None,
        chunk_size: int = 200,
    ) -> None:
        self.job_store = job_store
        self.elasticity = elasticity
        self.settings = ElasticitySettings.model_validate(settings or {})
        self.campaign = campaign
        super().__init__(
            sources=[job_store], targets=[elasticity], chunk_size=chunk_size
        )

    def get_items(self) -> Iterator[dict[str, Any]]:
        """Yield the equations of state that are new or changed."""
        self.ensure_indexes()
        heads = newest_heads(self.job_store, ["EOSDocument"], self.campaign)
        settings = self.settings.model_dump(mode="json")
        wanted = {
            uuid: digest(head["index"], head["completed_at"], settings)
            for uuid, head in heads.items()
        }
        for uuid in self.out_of_date(wanted):
            newest = {"uuid": uuid, "index": heads[uuid]["index"]}
            yield {"job": self.job_store.query_one(newest), "source": wanted[uuid]}

    def process_item(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """Fit one equation of state.

        Parameters
        ----------
        item
            Job document and digest.
        """
        document = elasticity_document(item["job"], self.settings, item["source"])
        return [document.model_dump()]
