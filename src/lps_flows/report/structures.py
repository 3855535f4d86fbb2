"""The structures that travel inside the page, to look at and to download."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase.io import write
from jobflow import JobStore
from pymatgen.core import Structure
from pymatgen.io.cif import CifWriter

from lps_flows.builders import ResultStore
from lps_flows.chemistry import written_removal
from lps_flows.foundation.writing import file_name
from lps_flows.jobs.export import labelled_atoms
from lps_flows.jobs.outputs import load_newest
from lps_flows.jobs.structures import STRUCTURE_OUTPUTS, structures_of
from lps_flows.potential import write_xsf
from lps_flows.report.blocks import Download
from lps_flows.report.picture import picture
from lps_flows.schemas.built import StructureRecord
from lps_flows.schemas.damage import readable
from lps_flows.schemas.phase_diagram import LineEntry, PhaseDiagramEntry
from lps_flows.schemas.results import Results

PER_COMPOSITION = 5
"""Lowest structures of each crystal or composition that go into the page."""
_PARTS_OF_A_UUID = 5


@dataclass(frozen=True)
class EmbeddedStructure:
    """One structure with what the page says about it."""

    record: StructureRecord
    name: str
    facts: dict[str, str]
    """What is shown beside it."""
    picture: dict[str, Any]
    """What is drawn, see `lps_flows.report.picture.picture`."""

    @property
    def cif(self) -> str:
        """The structure as CIF, all atoms listed."""
        return str(CifWriter(self.record.structure))


def chosen_ids(results: Results, per_composition: int = PER_COMPOSITION) -> list[str]:
    """Return the lowest of every crystal and composition, and crystals off the line."""
    taken: dict[tuple[str, str], int] = {}
    chosen = []
    for entry in sorted(results.on_line, key=lambda e: e.energy_above_hull):
        group = ("glass" if entry.glass else entry.label, entry.formula_pretty)
        taken[group] = taken.get(group, 0) + 1
        if taken[group] <= per_composition:
            chosen.append(entry.structure_id)
    return chosen + [
        entry.structure_id for entry in results.off_line if entry.source == "crystal"
    ]


def embed(
    job_store: JobStore, result_store: ResultStore, results: Results
) -> dict[str, EmbeddedStructure]:
    """Return the structures of the page by id.

    Parameters
    ----------
    job_store
        Store of the job outputs, read before the builders have run.
    """
    ids = chosen_ids(results)
    records = {
        record.structure_id: record
        for record in _records(job_store, result_store, results, ids)
    }
    entries = {entry.structure_id: entry for entry in results.entries}
    return {
        name: EmbeddedStructure(
            records[name],
            _name(entries[name]),
            _facts(records[name], entries[name], results),
            picture(records[name].structure, results.line.formers, results.line.anions),
        )
        for name in ids
        if name in records
    }


def _records(
    job_store: JobStore, result_store: ResultStore, results: Results, ids: Sequence[str]
) -> Iterator[StructureRecord]:
    if not results.provisional:
        stored = result_store("structures").query({"structure_id": {"$in": list(ids)}})
        yield from readable(StructureRecord.from_store, stored)
        return
    # a member of a set is named by its job and its place
    jobs = {"-".join(name.split("-")[:_PARTS_OF_A_UUID]) for name in ids}
    classes = list(STRUCTURE_OUTPUTS)
    criteria = {"uuid": {"$in": sorted(jobs)}, "output.@class": {"$in": classes}}
    for structures in readable(structures_of, load_newest(job_store, criteria)):
        yield from readable(StructureRecord.from_store, structures)


def _name(entry: PhaseDiagramEntry) -> str:
    return entry.label if entry.x is not None else entry.parent or entry.formula_pretty


def _facts(
    record: StructureRecord, entry: PhaseDiagramEntry, results: Results
) -> dict[str, str]:
    """Return what is said beside a structure."""
    facts = {
        "formula": record.formula_pretty,
        "atoms in the cell": str(record.nsites),
    }
    if isinstance(entry, LineEntry):
        facts["x"] = f"{entry.x:.4f}"
        facts["energy above hull"] = f"{1000 * entry.energy_above_hull:.1f} meV/atom"
        facts["formation energy"] = (
            f"{1000 * entry.formation_energy_per_atom:.1f} meV/atom"
        )
        place = results.classes.get(entry.structure_id)
        if place is not None:
            facts |= {"class": str(place.label), "nearest crystal": place.nearest}
    elif entry.ternary is not None:
        above = f"{1000 * entry.ternary.energy_above_hull:.1f} meV/atom"
        facts["energy above hull (all elements)"] = above
    origin = record.provenance
    facts["source"] = origin.source
    if origin.n_removed and origin.removed:
        gone = written_removal(origin.removed, origin.n_removed)
        facts["parent"] = f"{origin.parent} minus {gone}"
    if tried := origin.details.get("ordering"):
        facts["ordering"] = (
            f"lowest of {tried['n_relaxed']} relaxed, of {tried['n_tried']} "
            f"{'possible' if tried['complete'] else 'sampled'}; they differ by "
            f"{1000 * tried['spread']:.1f} meV/atom"
        )
    facts["space group"] = _space_group(record.structure)
    return facts | {"method": record.method, "document": record.structure_id}


def _space_group(structure: Structure) -> str:
    symbol, number = structure.get_space_group_info(symprec=0.1)
    return f"{symbol} ({number}), at 0.1 Å"


def downloads(structures: Sequence[EmbeddedStructure]) -> list[Download]:
    """Return all structures of the page as extended XYZ, XSF and CIF."""
    if not structures:
        return []
    what = f"{len(structures)} structures"
    return [
        Download(
            "structures.extxyz",
            "chemical/x-xyz",
            _extxyz(structures),
            f"{what}, extended XYZ",
        ),
        Download(
            "structures-xsf.zip",
            "application/zip",
            _zip({f"{_file(s)}.xsf": _xsf(s) for s in structures}),
            f"{what}, XSF (ænet), zipped",
        ),
        Download(
            "structures-cif.zip",
            "application/zip",
            _zip({f"{_file(s)}.cif": s.cif for s in structures}),
            f"{what}, CIF, zipped",
        ),
    ]


def _file(entry: EmbeddedStructure) -> str:
    return file_name(f"{entry.name[:60]}-{entry.record.structure_id[:13]}")


def _extxyz(structures: Sequence[EmbeddedStructure]) -> bytes:
    images = [labelled_atoms(entry.record) for entry in structures]
    for atoms, entry in zip(images, structures, strict=True):
        atoms.info["structure_id"] = entry.record.structure_id
    text = io.StringIO()
    write(text, images, format="extxyz")
    return text.getvalue().encode()


def _xsf(entry: EmbeddedStructure) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "structure.xsf"
        write_xsf(file, labelled_atoms(entry.record))
        return file.read_text(encoding="utf-8")


def _zip(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            # a fixed date, so that equal documents give equal pages
            info = zipfile.ZipInfo(name, date_time=(2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text)
    return packed.getvalue()
