"""Run all builders in order, on the stores of a campaign."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from jobflow import JobStore
from maggma.core import Store
from maggma.stores import JSONStore, MemoryStore

from lps_flows.builders.candidates import CandidateBuilder
from lps_flows.builders.clusters import ClusterBuilder
from lps_flows.builders.conductivity_map import ConductivityMapBuilder
from lps_flows.builders.elastic_tensors import ElasticTensorBuilder
from lps_flows.builders.elasticity import ElasticityBuilder
from lps_flows.builders.fingerprints import FingerprintBuilder
from lps_flows.builders.free_energies import FreeEnergyBuilder
from lps_flows.builders.increment import IncrementalBuilder, chunks
from lps_flows.builders.jumps import JumpBuilder
from lps_flows.builders.migration import migrate
from lps_flows.builders.motifs import MotifBuilder, MotifTrendBuilder
from lps_flows.builders.phase_diagram import PhaseDiagramBuilder
from lps_flows.builders.rdf import RDFBuilder
from lps_flows.builders.scattering import ScatteringBuilder
from lps_flows.builders.settings import BuildSettings
from lps_flows.builders.stores import KEYS, result_store
from lps_flows.builders.structures import StructureBuilder
from lps_flows.builders.transport import TransportBuilder
from lps_flows.builders.windows import WindowBuilder
from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas.damage import left_out, readable

logger = logging.getLogger(__name__)


def all_builders(
    job_store: JobStore,
    settings: BuildSettings | None = None,
    *,
    line: CompositionLine | None = None,
    campaign: str | None = None,
    store: Callable[[str], Store] | None = None,
) -> list[IncrementalBuilder]:
    """Return every builder, in the order in which they depend on each other.

    Parameters
    ----------
    line
        The composition line; Li2S-P2S5 by default.
    campaign
        Only this campaign; all by default.
    store
        Gives the store of a collection by its name, asked once for each: it is
        connected here and left open. Beside the job documents by default.
    """
    chosen = settings or BuildSettings()
    where = store or partial(result_store, job_store)
    stores = {name: where(name) for name in KEYS}
    for result in stores.values():
        result.connect()
    line = line or CompositionLine()
    by_element = chosen.fingerprints.on(line)
    element = by_element.element
    fingerprint_settings = [by_element]
    if chosen.all_atom_fingerprints and element is not None:
        fingerprint_settings.append(by_element.model_copy(update={"element": None}))
    structures = stores["structures"]
    scope: dict[str, Any] = {"campaign": campaign}
    return [
        StructureBuilder(job_store, structures, **scope),
        PhaseDiagramBuilder(
            structures,
            stores["phase_diagrams"],
            stores["phase_diagram_entries"],
            jobs=job_store,
            settings=chosen.hull,
            line=line,
            **scope,
        ),
        WindowBuilder(
            stores["phase_diagrams"],
            stores["phase_diagram_entries"],
            stores["windows"],
            settings=chosen.windows,
            **scope,
        ),
        MotifBuilder(
            structures, stores["motifs"], settings=chosen.motifs, line=line, **scope
        ),
        MotifTrendBuilder(
            stores["motifs"], stores["motif_trends"], settings=chosen.trends, **scope
        ),
        RDFBuilder(structures, stores["rdfs"], settings=chosen.rdf, **scope),
        ScatteringBuilder(
            structures, stores["scattering"], settings=chosen.scattering, **scope
        ),
        *(
            FingerprintBuilder(
                structures, stores["fingerprints"], settings=one, **scope
            )
            for one in fingerprint_settings
        ),
        ClusterBuilder(
            stores["fingerprints"],
            stores["cluster_models"],
            stores["clusters"],
            settings=chosen.clusters,
            line=line,
            element=element,
            **scope,
        ),
        # before the candidates, which it ranks
        TransportBuilder(job_store, stores["transport"], **scope),
        ConductivityMapBuilder(
            stores["transport"],
            structures,
            stores["clusters"],
            stores["conductivity_maps"],
            element=element,
            **scope,
        ),
        CandidateBuilder(
            stores["phase_diagrams"],
            stores["cluster_models"],
            stores["clusters"],
            stores["candidates"],
            transport=stores["transport"],
            settings=chosen.candidates,
            element=element,
            **scope,
        ),
        ElasticityBuilder(
            job_store, stores["elasticity"], settings=chosen.elasticity, **scope
        ),
        ElasticTensorBuilder(job_store, stores["elastic_tensors"], **scope),
        FreeEnergyBuilder(
            job_store,
            stores["phase_diagram_entries"],
            stores["free_energies"],
            settings=chosen.phonons,
            line=line,
            **scope,
        ),
        JumpBuilder(
            job_store,
            stores["jumps"],
            settings=chosen.jumps,
            line=line,
            chunk_size=1,  # each brings its trajectory
            **scope,
        ),
    ]


def run_builder(
    builder: IncrementalBuilder,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> int:
    """Run one builder in this process and return the number of documents written.

    Unlike maggma's ``Builder.run`` it leaves the loggers and the stores as they are.
    """
    builder.connect()
    before = builder.written
    done = 0
    name = type(builder).__name__
    for chunk in chunks(builder.get_items(), builder.chunk_size):
        documents = list(readable(builder.process_item, chunk))
        builder.update_targets(documents)
        done += len(chunk)
        if progress is not None:
            progress(name, done, getattr(builder, "total", None))
    builder.finalize()
    written = builder.written - before
    logger.info("%s wrote %d documents", name, written)
    return written


def _raise_first(damaged: Mapping[str, LpsFlowsError]) -> None:
    for reason in damaged:
        logger.warning("left out: %s", reason)
    for error in damaged.values():
        raise error


def build_all(
    job_store: JobStore,
    settings: BuildSettings | None = None,
    *,
    line: CompositionLine | None = None,
    campaign: str | None = None,
    store: Callable[[str], Store] | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> dict[str, int]:
    """Run all builders and return the number of documents each wrote.

    Parameters as `all_builders`; `progress` is called after every chunk with builder,
    items done and their number.

    Raises
    ------
    DamagedDocumentError
        For a document that cannot be read, after everything else has been built.
    LpsFlowsError
        What a builder refused, after the others have run.
    """
    job_store.connect()
    where = store or partial(result_store, job_store)
    stores = {name: where(name) for name in KEYS}
    builders = all_builders(
        job_store,
        settings,
        line=line,
        campaign=campaign,
        store=stores.__getitem__,
    )
    written: dict[str, int] = {}
    refused: list[LpsFlowsError] = []
    try:
        with left_out() as damaged:
            for name in KEYS:
                migrate(stores[name], name, campaign)
            for builder in builders:
                name = type(builder).__name__
                try:
                    number = run_builder(builder, progress)
                except LpsFlowsError as error:
                    refused.append(error)
                    continue
                written[name] = written.get(name, 0) + number
        # what is damaged may be what a builder lacked
        _raise_first(damaged)
        if refused:
            raise refused[0]
    finally:
        for result in stores.values() if store is None else ():
            # a store in memory shares its client with the job store
            if not isinstance(result, MemoryStore) or isinstance(result, JSONStore):
                result.close()
    return written
