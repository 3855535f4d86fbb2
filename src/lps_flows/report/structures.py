"""The structures that travel inside the page, to look at and to download."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from jobflow import JobStore
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifWriter

from lps_flows.builders import ResultStore
from lps_flows.potential import write_xsf
from lps_flows.report.blocks import Download
from lps_flows.report.picture import picture
from lps_flows.schemas.phase_diagram import LineEntry
from lps_flows.schemas.results import Results

PER_COMPOSITION = 5
"""Lowest structures of each crystal or composition that go into the page."""


@dataclass(frozen=True)
class EmbeddedStructure:
    """One structure with what the page says about it."""

    structure_id: str
    name: str
    structure: Structure
    energy: float
    """Total energy (eV)."""
    method: str
    facts: dict[str, str]
    """What is shown beside it."""
    picture: dict[str, Any]
    """What is drawn, see `lps_flows.report.picture.picture`."""

    @property
    def cif(self) -> str:
        """The structure as CIF, all atoms listed."""
        return str(CifWriter(self.structure))


def chosen_ids(results: Results, per_composition: int = PER_COMPOSITION) -> list[str]:
    """Return the lowest of every crystal and composition, and crystals off the line."""
    taken: dict[tuple[str, str], int] = {}
    chosen = []
    for entry in sorted(results.on_line, key=lambda e: e.e_above_hull):
        group = ("glass" if entry.glass else entry.label, entry.formula)
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
    result_store
        Gives the store of a collection.
    results
        With a phase diagram; the lowest structures of each composition are taken.
    """
    ids = chosen_ids(results)
    entries = {entry.structure_id: entry for entry in results.entries}
    embedded = {}
    for name, document in _documents(job_store, result_store, results, ids):
        structure = Structure.from_dict(document["structure"])
        facts = {"formula": structure.composition.reduced_formula}
        facts["atoms in the cell"] = str(len(structure))
        entry = entries[name]
        if isinstance(entry, LineEntry):
            label = entry.label
            facts["x"] = f"{entry.x:.4f}"
            facts["energy above hull"] = f"{1000 * entry.e_above_hull:.1f} meV/atom"
            facts["formation energy"] = f"{1000 * entry.formation_energy:.1f} meV/atom"
            if name in results.classes:
                facts["class"] = str(results.classes[name].label)
                facts["nearest crystal"] = results.classes[name].nearest
        else:
            label = entry.parent or entry.formula
            place = entry.ternary
            above = f"{1000 * place.e_above_hull:.1f} meV/atom" if place else "-"
            facts["energy above hull (all elements)"] = above
        provenance = document["provenance"]
        facts["source"] = provenance["source"]
        if provenance.get("n_removed"):
            facts["parent"] = (
                f"{provenance['parent']} minus {provenance['n_removed']} "
                f"{provenance['removed']}"
            )
        facts["space group"] = _space_group(structure)
        facts["method"] = document["method"]
        facts["document"] = name
        embedded[name] = EmbeddedStructure(
            name,
            label,
            structure,
            document["energy"],
            document["method"],
            facts,
            picture(structure, results.line.formers, results.line.anions),
        )
    return {name: embedded[name] for name in ids if name in embedded}


def _documents(
    job_store: JobStore,
    result_store: ResultStore,
    results: Results,
    ids: Sequence[str],
) -> Iterable[tuple[str, dict]]:
    wanted = ["structure", "provenance", "energy", "method"]
    if not results.provisional:
        store = result_store("structures")
        for document in store.query(
            {"structure_id": {"$in": list(ids)}}, properties=[*wanted, "structure_id"]
        ):
            yield document["structure_id"], document
        return
    fields = [f"output.{name}" for name in wanted]
    for document in job_store.query({"uuid": {"$in": list(ids)}}, properties=fields):
        yield document["uuid"], document["output"]


def _space_group(structure: Structure) -> str:
    symbol, number = structure.get_space_group_info(symprec=0.1)
    return f"{symbol} ({number}), at 0.1 Å"


def downloads(structures: Sequence[EmbeddedStructure]) -> list[Download]:
    """Return all structures of the page as extended XYZ, XSF and CIF."""
    if not structures:
        return []
    number = len(structures)
    return [
        Download(
            "structures.extxyz",
            "chemical/x-xyz",
            _extxyz(structures),
            f"{number} structures, extended XYZ",
        ),
        Download(
            "structures-xsf.zip",
            "application/zip",
            _zip({f"{_file(s)}.xsf": _xsf(s) for s in structures}),
            f"{number} structures, XSF (ænet), zipped",
        ),
        Download(
            "structures-cif.zip",
            "application/zip",
            _zip({f"{_file(s)}.cif": s.cif for s in structures}),
            f"{number} structures, CIF, zipped",
        ),
    ]


def _file(entry: EmbeddedStructure) -> str:
    """Return a file name; what a document says never becomes a path."""
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in entry.name)
    return f"{kept.strip('.')[:60] or 'structure'}-{entry.structure_id[:13]}"


def _extxyz(structures: Sequence[EmbeddedStructure]) -> bytes:
    images = []
    for entry in structures:
        atoms = AseAtomsAdaptor.get_atoms(entry.structure, msonable=False)
        atoms.info = {"structure_id": entry.structure_id, "method": entry.method}
        atoms.calc = SinglePointCalculator(atoms, energy=entry.energy)
        images.append(atoms)
    text = io.StringIO()
    write(text, images, format="extxyz")
    return text.getvalue().encode()


def _xsf(entry: EmbeddedStructure) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "structure.xsf"
        write_xsf(file, entry.structure, energy=entry.energy)
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
