"""Read what the builders wrote, as typed documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from jobflow import JobStore
from maggma.core import Store
from maggma.stores import MemoryStore

from lps_flows.builders.build import result_store
from lps_flows.foundation import LpsFlowsError
from lps_flows.plotting import FigureDocuments
from lps_flows.schemas.base import Document
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.elasticity import ElasticityDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.phase_diagram import PhaseDiagramDocument, PhaseDiagramEntry
from lps_flows.schemas.rdf import RDFDocument

AnyDocument = TypeVar("AnyDocument", bound=Document)


class NoResultsError(LpsFlowsError):
    """The builders have not run, or the choice of results is not unique."""


def read_documents(
    store: Store, model: type[AnyDocument], criteria: dict[str, Any]
) -> list[AnyDocument]:
    """Return the documents of a collection, in the order of their key.

    Parameters
    ----------
    store
        Connected store of the collection.
    model
        Schema of its documents.
    criteria
        Which documents.
    """
    found = store.query(criteria, sort={store.key: 1})
    return [
        model.model_validate({k: d[k] for k in model.model_fields if k in d})
        for d in found
    ]


def read_results(
    job_store: JobStore,
    *,
    campaign: str | None = None,
    method: str | None = None,
    element: str | None = "Li",
    store: Callable[[str], Store] | None = None,
) -> FigureDocuments:
    """Return the results of one campaign by one method, for `write_figures`.

    Parameters
    ----------
    job_store
        jobflow's store.
    campaign, method
        Which results; may be left out when there is only one.
    element
        Element of the fingerprints the classes rest on.
    store
        Gives the store of a collection by its name; beside the job documents by
        default.

    Raises
    ------
    NoResultsError
        When there is no phase diagram, or more than one fits.
    """
    own: dict[str, Store] = {}

    def read(
        name: str, model: type[AnyDocument], criteria: dict[str, Any]
    ) -> list[AnyDocument]:
        if name not in own:
            own[name] = (store or (lambda n: result_store(job_store, n)))(name)
            own[name].connect()
        return read_documents(own[name], model, criteria)

    try:
        chosen = {"campaign": campaign, "method": method}
        mine = {key: value for key, value in chosen.items() if value is not None}
        diagrams = read("phase_diagrams", PhaseDiagramDocument, mine)
        if len(diagrams) != 1:
            raise NoResultsError(
                "there is no phase diagram of this choice"
                if not diagrams
                else "more than one phase diagram fits: "
                + ", ".join(d.diagram_id for d in diagrams),
                field="campaign, method",
                value=(campaign, method),
                remedy="run `lps-flows build` first"
                if not diagrams
                else "give campaign and method",
            )
        (diagram,) = diagrams
        mine = {"campaign": diagram.campaign, "method": diagram.method}
        by_element = {**mine, "element": element}
        models = read("cluster_models", ClusterModelDocument, by_element)
        return FigureDocuments(
            diagram=diagram,
            entries=read("phase_diagram_entries", PhaseDiagramEntry, mine),
            trends=read("motif_trends", MotifTrendDocument, mine),
            rdfs=read("rdfs", RDFDocument, mine),
            model=models[0] if models else None,
            places=read("clusters", ClusterAssignment, by_element),
            candidates=read("candidates", CandidateDocument, mine),
            elasticity=read("elasticity", ElasticityDocument, mine),
        )
    finally:
        if store is None:
            for result in own.values():
                # a store in memory shares its client with the job store
                if not isinstance(result, MemoryStore):
                    result.close()
