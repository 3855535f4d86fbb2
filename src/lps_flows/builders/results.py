"""Read what a campaign found: the one way for figures, report, notebooks and docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from jobflow import JobStore
from maggma.core import Store
from maggma.stores import MemoryStore

from lps_flows.analysis import HullSettings, phase_diagram
from lps_flows.analysis.phase_diagram import that_count
from lps_flows.analysis.shown import shown_run
from lps_flows.builders.stores import KEYS, result_store
from lps_flows.builders.transport import read_transport
from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.outputs import checked_output, load_newest
from lps_flows.jobs.structures import searched_errors
from lps_flows.schemas.base import Document
from lps_flows.schemas.built import StructureHead
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.clusters import ClusterAssignment, ClusterModelDocument
from lps_flows.schemas.conductivity_map import ConductivityMapDocument
from lps_flows.schemas.damage import readable
from lps_flows.schemas.elasticity import ElasticityDocument, ElasticTensorDocument
from lps_flows.schemas.electrochemistry import WindowDocument
from lps_flows.schemas.jumps import JumpDocument
from lps_flows.schemas.md import MDRunDocument
from lps_flows.schemas.motifs import MotifTrendDocument
from lps_flows.schemas.phase_diagram import (
    UNKNOWN,
    LineEntry,
    PhaseDiagramDocument,
    PhaseDiagramEntry,
)
from lps_flows.schemas.phonons import FreeEnergyDocument
from lps_flows.schemas.rdf import RDFDocument
from lps_flows.schemas.results import Results
from lps_flows.schemas.scattering import ScatteringDocument
from lps_flows.schemas.transport import TransportDocument

AnyDocument = TypeVar("AnyDocument", bound=Document)
ResultStore = Callable[[str], Store]
"""Gives the connected store of a builder's collection, by its name."""


class NoResultsError(LpsFlowsError):
    """The choice of results is not unique, or there are none of that choice."""


def read_results(
    job_store: JobStore,
    *,
    campaign: str | None = None,
    method: str | None = None,
    store: ResultStore | None = None,
) -> Results:
    """Return the results of one campaign by one method.

    What has not run yet is empty. Of several methods, the one counts whose phase
    diagram holds most structures.

    Parameters
    ----------
    campaign
        Name of the campaign; may be left out when the store holds one only.
    store
        Gives the store of a collection by its name, `Workplace.result_store`; beside
        the job documents by default.

    Raises
    ------
    NoResultsError
        When no campaign is named and there are several, or a method is named that has
        no phase diagram.
    """
    where = store or partial(result_store, job_store)
    opened: dict[str, Store] = {}

    def connected(name: str) -> Store:
        if name not in opened:
            opened[name] = where(name)
            opened[name].connect()
        return opened[name]

    job_store.connect()
    try:
        return _read(job_store, connected, campaign, method)
    finally:
        for result in opened.values() if store is None else ():
            # a store in memory shares its client with the job store
            if not isinstance(result, MemoryStore):
                result.close()


def _read(
    job_store: JobStore,
    store: ResultStore,
    campaign: str | None,
    method: str | None,
) -> Results:
    read = partial(read_collection, store)
    of_campaign = {} if campaign is None else {"campaign": campaign}
    diagrams = read("phase_diagrams", PhaseDiagramDocument, of_campaign)
    campaigns = sorted({diagram.campaign for diagram in diagrams})
    if len(campaigns) > 1:
        raise NoResultsError(
            f"the store holds several campaigns: {', '.join(campaigns)}",
            field="campaign",
            value=campaign,
            remedy="Name one of them",
        )
    wanted = [diagram for diagram in diagrams if method in (None, diagram.method)]
    if method is not None and not wanted:
        there = ", ".join(diagram.method for diagram in diagrams)
        raise NoResultsError(
            "there is no phase diagram by this method",
            field="method",
            value=method,
            remedy=f"Choose one of {there}" if there else "Run `lps-flows build` first",
        )
    name = campaign or (campaigns[0] if campaigns else "")
    diagram = max(wanted, key=lambda d: d.n_structures, default=None)
    group = {"campaign": name} | ({"method": diagram.method} if diagram else {})
    models = read("cluster_models", ClusterModelDocument, group)
    model = models[0] if models else None
    places = read("clusters", ClusterAssignment, group)
    transport = read_transport(job_store, name)
    return Results(
        campaign=name,
        diagram=diagram,
        entries=[
            *read("phase_diagram_entries", LineEntry, group | {"x": {"$ne": None}}),
            *read("phase_diagram_entries", PhaseDiagramEntry, group | {"x": None}),
        ],
        windows=read("windows", WindowDocument, group),
        trends=read("motif_trends", MotifTrendDocument, group),
        rdfs=read("rdfs", RDFDocument, group),
        scattering=read("scattering", ScatteringDocument, group),
        model=model,
        places=[p for p in places if model is None or p.element == model.element],
        candidates=read("candidates", CandidateDocument, group),
        elasticity=read("elasticity", ElasticityDocument, group),
        elastic_tensors=read(
            "elastic_tensors", ElasticTensorDocument, {"campaign": name}
        ),
        transport=transport,
        conductivity_maps=read("conductivity_maps", ConductivityMapDocument, group),
        free_energies=read("free_energies", FreeEnergyDocument, group),
        jumps=read("jumps", JumpDocument, {"campaign": name}),
        densities=_densities(job_store, transport),
    )


def read_collection(
    store: ResultStore,
    collection: str,
    model: type[AnyDocument],
    criteria: Mapping[str, Any],
) -> list[AnyDocument]:
    """Return the documents of one collection, in the order of their key."""
    documents = store(collection).query(dict(criteria), sort={KEYS[collection]: 1})
    return list(readable(model.from_store, documents))


_LI_P_S = CompositionLine()


def as_far_as_known(
    results: Results,
    heads: Sequence[StructureHead],
    settings: HullSettings,
    line: CompositionLine = _LI_P_S,
    job_store: JobStore | None = None,
) -> Results:
    """Return results with a provisional phase diagram where the builders made none.

    Where a campaign holds several methods, the one with most structures counts.

    Parameters
    ----------
    results
        What the builders made; returned as it is when that holds a diagram.
    job_store
        Connected store of job outputs, for the errors of the energies, which are
        unknown without it.

    Raises
    ------
    HullError
        When an end member is missing.
    """
    counts = Counter(head.method for head in that_count(heads, settings))
    if results.diagram is not None or not counts:
        return results
    method = counts.most_common(1)[0][0]
    of_method = [head for head in heads if head.method == method]
    errors = UNKNOWN
    if job_store is not None:
        errors = searched_errors(job_store, of_method[0].campaign, method)
    diagram, entries = phase_diagram(of_method, settings, line, errors=errors)
    return replace(results, diagram=diagram, entries=entries, provisional=True)


def _densities(
    job_store: JobStore, documents: Sequence[TransportDocument]
) -> dict[str, MDRunDocument]:
    """Return the runs whose density is shown, by their job."""
    shown = [run.run_uuid for d in documents if (run := shown_run(d)) is not None]
    if not shown:
        return {}
    criteria = {"uuid": {"$in": shown}, "output.@class": "MDRunDocument"}
    return dict(readable(_run_with_density, load_newest(job_store, criteria)))


def _run_with_density(job: Mapping[str, Any]) -> tuple[str, MDRunDocument]:
    run = checked_output(job, MDRunDocument)
    if run.density is not None:
        run.density.unpack()  # refused here rather than in the midst of a page
    return job["uuid"], run
