"""Write what a campaign found as the small, open data of ``docs/data/map``.

``python docs/publish.py CAMPAIGN.yaml [FOLDER]`` reads the stored documents, complete
or not, and writes tables (CSV), the lowest structures (CIF) and the figures (PNG).
``docs/results.py`` makes ``docs/results.md`` of them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from jobflow import JobStore
from maggma.core import Store
from maggma.stores import MemoryStore
from PIL import Image

from lps_flows.analysis.rdf import measured_peaks
from lps_flows.builders import ResultStore, build_all
from lps_flows.builders.build import result_store
from lps_flows.foundation.writing import file_name, write_bytes, write_text
from lps_flows.jobs.outputs import checked_parts, finished_jobs
from lps_flows.plotting import write_figures
from lps_flows.report import ReportContent, gather
from lps_flows.report.blocks import Download
from lps_flows.report.hull_table import hull_rows
from lps_flows.schemas.motifs import MotifFractions
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.sampling import SamplingDocument
from lps_flows.schemas.transport import TransportDocument
from lps_flows.settings import CampaignKeys

FOLDER = Path(__file__).parent / "data" / "map"
_OF_THE_REPORT = {
    "hull.csv",
    "gaps.csv",
    "candidates.csv",
    "table_1.csv",
    "conductivity_map.csv",
}
_WRITTEN = ("*.csv", "campaign.json", "structures/*.cif", "figures/*.png")
_COLOURS = 64
_LARGEST = 100_000  # bytes of a picture

Columns = Mapping[str, Callable[[Any], object]]


def publish(
    content: ReportContent,
    job_store: JobStore,
    collections: ResultStore,
    prices: Mapping[str, Any],
    folder: Path,
    *,
    complete: bool = True,
) -> None:
    """Replace a folder by what a campaign found.

    Parameters
    ----------
    content
        What `lps_flows.report.gather` returns of the campaign.
    job_store, collections
        Where it was gathered from, connected.
    prices
        Evaluations and core-hours by stage, of `lps_flows.runner.prices`.
    folder
        Folder to write into; tables, structures and figures of before are removed.
    complete
        Whether the campaign has ended.
    """
    for pattern in _WRITTEN:
        for path in folder.glob(pattern):
            path.unlink()
    (folder / "structures").mkdir(parents=True, exist_ok=True)
    campaign = content.campaign
    searches = [
        SamplingDocument.from_store(job.output)
        for job in checked_parts(job_store, campaign, SamplingDocument)
    ]
    files = [file for file in content.downloads if file.name in _OF_THE_REPORT]
    files += [
        *_structure_tables(content, collections),
        run_table(content.results.transport),
        _table("cost", prices.items(), _COST),
        _table("searches", searches, _SEARCH),
    ]
    for file in files:
        write_bytes(folder / file.name, file.content)
    for entry, _ in hull_rows(content.results):
        if (embedded := content.structures.get(entry.structure_id)) is not None:
            name = file_name(f"{entry.label}.cif")
            write_text(folder / "structures" / name, embedded.cif)
    figures = _figures(content, folder / "figures")
    potentials = checked_parts(job_store, campaign, PotentialDocument, load=True)
    times = sorted(time for _, time in finished_jobs(job_store, campaign) if time)
    diagram = content.results.diagram
    facts = {
        "campaign": campaign,
        "settings": _without_folders(content.settings),
        "versions": content.versions,
        "method": diagram.method if diagram else None,
        "complete": complete,
        "first_job_ended": times[0] if times else None,
        "last_job_ended": times[-1] if times else None,
        "ternary": diagram.ternary_note if diagram else None,
        "errors": diagram.errors.model_dump() if diagram else None,
        "potentials": [
            {
                key: job.output[key]
                for key in ("method", "n_structures", "n_members", "validation")
            }
            # one that nothing was added to is returned as it was
            for job in {job.output["method"]: job for job in potentials}.values()
        ],
        "rounds": max(
            (job.output["rounds"] for job in potentials), key=len, default=[]
        ),
        **figures,
    }
    write_text(folder / "campaign.json", json.dumps(facts, indent=1) + "\n")


def _table(name: str, items: Iterable[Any], columns: Columns) -> Download:
    return Download.csv(f"{name}.csv", items, columns, name)


def _milli(value: float | None) -> float | None:
    return None if value is None else 1000 * value


def _attributes(*names: str) -> dict[str, Callable[[Any], object]]:
    return {name: attrgetter(name) for name in names}


_COST: Columns = {
    "stage": lambda item: item[0],
    "evaluations": lambda item: item[1].evaluations,
    "foretold_evaluations": lambda item: item[1].foretold_evaluations,
    "core_hours": lambda item: item[1].core_hours,
    "foretold_core_hours": lambda item: item[1].foretold_core_hours,
}
_SEARCH: Columns = {
    **_attributes("formula", "x", "parent", "removed", "n_removed", "method"),
    "n_relaxed": lambda s: sum(e is not None for e in s.reference_energies),
    "mean_absolute_error (meV/atom)": attrgetter("mean_absolute_error"),
    "rank_correlation": attrgetter("rank_correlation"),
    "n_seeds": lambda s: len(s.best_energies),
    "search_error (meV/atom)": lambda s: _milli(s.search_error),
    "still_falling": attrgetter("still_falling"),
}


def _structure_tables(content: ReportContent, store: ResultStore) -> list[Download]:
    results = content.results
    entries = {entry.structure_id: entry for entry in results.entries}
    wanted = ("structure_id", "method", "formula", "formula_pretty", "nsites", "x")
    said = ("energy_per_atom", "relaxed", "converged", "stage", "provenance")
    records = store("structures").query(
        {"campaign": content.campaign},
        properties=[*wanted, *said],
        sort={"structure_id": 1},
    )

    def of_entry(name: str) -> Callable[[Any], object]:
        return lambda record: _milli(
            getattr(entries.get(record["structure_id"]), name, None)
        )

    def in_ternary(record: Mapping[str, Any]) -> float | None:
        place = getattr(entries.get(record["structure_id"]), "ternary", None)
        return None if place is None else _milli(place.energy_above_hull)

    structures: Columns = {
        **{key: lambda r, key=key: r.get(key) for key in (*wanted, *said[:-1])},
        "source": lambda record: record["provenance"].get("source"),
        "parent": lambda record: record["provenance"].get("parent"),
        "formation_energy_per_atom (meV/atom)": of_entry("formation_energy_per_atom"),
        "energy_above_hull (meV/atom)": of_entry("energy_above_hull"),
        "energy_above_ternary_hull (meV/atom)": in_ternary,
    }
    peaks = [(rdf, partial) for rdf in results.rdfs for partial in rdf.partials]
    distance = _attributes("first_peak", "first_minimum", "coordination")
    return [
        _table("structures", records, structures),
        _table(
            "classes",
            results.places,
            {
                **_attributes("structure_id", "formula_pretty", "x", "source"),
                **_attributes("parent", "label", "nearest"),
                "similarity": lambda place: max(
                    place.similarities.values(), default=None
                ),
            },
        ),
        _table(
            "reference_classes",
            results.model.reference_classes.items() if results.model else (),
            {"crystal": lambda item: item[0], "label": lambda item: item[1]},
        ),
        _table(
            "motifs",
            results.trends,
            {
                **_attributes("formula_pretty", "x", "parent", "n_structures"),
                **{
                    motif: attrgetter(f"mean.{motif}")
                    for motif in MotifFractions.model_fields
                },
            },
        ),
        _table(
            "rdf_peaks",
            peaks,
            {
                "pair": lambda row: "-".join(row[1].pair),
                "formula_pretty": lambda row: row[0].formula_pretty,
                "x": lambda row: row[0].x,
                "parent": lambda row: row[0].parent,
                "n_structures": lambda row: row[0].n_structures,
                **{
                    name: lambda row, take=take: take(row[1])
                    for name, take in distance.items()
                },
            },
        ),
        _table(
            "measured_peaks",
            [
                (pair, crystal, *found)
                for pair in dict.fromkeys(partial.pair for _, partial in peaks)
                for crystal, found in measured_peaks(pair).items()
            ],
            {
                "pair": lambda row: "-".join(row[0]),
                "crystal": lambda row: row[1],
                "first_peak": lambda row: row[2],
                "citation": lambda row: row[3],
            },
        ),
        _table(
            "elasticity",
            results.elasticity,
            {
                **_attributes("formula", "x", "source", "parent", "bulk_modulus"),
                **_attributes("bulk_modulus_error", "trusted", "note"),
            },
        ),
    ]


def run_table(documents: Sequence[TransportDocument]) -> Download:
    """Return the runs behind conductivities, one a row, as ``runs.csv``."""
    of_run = _attributes("temperature", "production", "D", "used", "reason")
    of_run |= _attributes("framework_survived", "framework_lost", "haven_ratio")
    return _table(
        "runs",
        [(document, run) for document in documents for run in document.runs],
        {
            "label": lambda row: row[0].label,
            "x": lambda row: row[0].x,
            "nsites": lambda row: row[0].nsites,
            **{
                name: lambda row, take=take: _shown(take(row[1]))
                for name, take in of_run.items()
            },
        },
    )


def _shown(value: object) -> object:
    """Return a diffusivity with its digits, which a table would round away."""
    return f"{value:.4g}" if isinstance(value, float) else value


def _figures(content: ReportContent, folder: Path) -> dict[str, dict[str, str]]:
    """Draw the figures small; return their captions, and why others are missing."""
    drawn = write_figures(content.results, folder, ("png",))
    captions = (folder / "captions.md").read_text(encoding="utf-8")
    said = dict(re.findall(r"^\*\*(\S+)\.\*\* (.+)$", captions, re.MULTILINE))
    for path in drawn.files:
        if path.suffix == ".png":
            _shrink(path)
        else:  # captions stand in the page; densities are too large
            path.unlink()
    return {
        "figures": {name: said[name] for name in drawn.pictures},
        "missing_figures": drawn.missing,
    }


def _shrink(path: Path) -> None:
    """Take colours from a picture, and pixels until it is small."""
    picture = Image.open(path).convert("RGB")
    picture.quantize(_COLOURS).save(path, optimize=True)
    while path.stat().st_size >= _LARGEST:
        picture = picture.resize([round(0.8 * n) for n in picture.size])
        picture.quantize(_COLOURS).save(path, optimize=True)


def _without_folders(settings: Any) -> Any:
    """Name the files that settings give whole paths of alone, not where they lay."""
    if isinstance(settings, Mapping):
        return {key: _without_folders(value) for key, value in settings.items()}
    if isinstance(settings, list | tuple):
        return [_without_folders(value) for value in settings]
    path = isinstance(settings, str) and Path(settings).is_absolute()
    return Path(settings).name if path else settings


def main(file: Path, folder: Path = FOLDER) -> None:
    """Publish the campaign of a file."""
    from lps_flows.cli.campaign import submitted
    from lps_flows.report import launchpad_view
    from lps_flows.runner import prices

    with submitted(file) as (place, settings):
        name = settings.name
        view = launchpad_view(place.launchpad, name) if place.launchpad else None
        jobs, collections = place.job_store, place.result_store
        if not collections("phase_diagrams").count({"campaign": name}):
            jobs, collections = _built_in_memory(jobs, settings)
        content = gather(
            jobs,
            collections,
            name,
            line=settings.line,
            hull=settings.analysis.hull,
            settings=settings.model_dump(mode="json"),
        )
        spent = prices(jobs, name, settings, view.run_time_s if view else None)
        ended = view is not None and view.progress.complete
        publish(content, jobs, collections, spent, folder, complete=ended)


def _built_in_memory(
    job_store: JobStore, settings: CampaignKeys
) -> tuple[JobStore, ResultStore]:
    """Return a copy of a campaign's outputs with what the builders make of them.

    A campaign that has not come to its builders is looked at, not written to.
    """
    copy = JobStore(MemoryStore())
    copy.connect()
    copy.update(list(job_store.query({"metadata.campaign": settings.name}, load=True)))
    build_all(copy, settings.analysis, line=settings.line, campaign=settings.name)

    @cache
    def collection(name: str) -> Store:
        store = result_store(copy, name)
        store.connect()
        return store

    return copy, collection


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
