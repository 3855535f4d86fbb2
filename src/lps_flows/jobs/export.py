"""Write labelled structures as files for other programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas import StructureDocument
from lps_flows.schemas.built import StructureRecord


class ExportError(LpsFlowsError):
    """Structures cannot be written as asked."""


def export_structures(
    documents: Iterable[StructureDocument | Mapping[str, Any]],
    folder: str | Path,
    file_format: str,
    *,
    overwrite: bool = False,
) -> int:
    """Write structures with energies and forces, as a whole or not at all.

    Parameters
    ----------
    documents
        Labelled structures, all of one method; or what the ``structures`` collection
        holds of them.
    folder
        Where to write; made when it does not exist. What an earlier export left there
        would be read as part of this one.
    file_format
        "extxyz" (one file, ``structures.extxyz``), "xsf" (one ænet file per structure,
        numbered, with an index of formulas and origins) or "entries" (pymatgen's
        `ComputedStructureEntry` in ``entries.json``).
    overwrite
        Put this export in the place of an earlier one.

    Returns
    -------
    int
        Number of structures written.

    Raises
    ------
    ExportError
        When the format is unknown, there is nothing to write, methods are mixed, or
        the folder holds structures: of an earlier export unless `overwrite` is set, or
        of anything else.
    """
    if file_format not in _WRITERS:
        raise ExportError(
            "structures cannot be written in this format",
            field="format",
            value=file_format,
            remedy=f"Choose one of {', '.join(_WRITERS)}",
        )
    labelled = [_as_document(document) for document in documents]
    methods = sorted({document.method for document in labelled})
    if len(methods) != 1:
        raise ExportError(
            "energies of different methods must not share a set"
            if methods
            else "there is no labelled structure",
            field="method",
            value=methods,
            remedy="Export one method at a time, after its calculations are done",
        )
    with replacing(folder, overwrite=overwrite) as beside:
        _WRITERS[file_format](labelled, beside)
    return len(labelled)


@contextmanager
def replacing(folder: str | Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder whose files become those of `folder`, all or none.

    Parameters
    ----------
    folder
        Where an export goes; made when it does not exist.
    overwrite
        Put this export in the place of an earlier one.

    Raises
    ------
    ExportError
        When the folder holds an earlier export and `overwrite` is not set, or
        structures of anything else.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    earlier = _structure_files(target)
    ours = {file for file in earlier if _OURS.fullmatch(file.name)}
    if earlier and not (overwrite and ours >= earlier):
        raise ExportError(
            f"the folder holds {len(earlier)} files with structures, "
            f"{min(file.name for file in earlier)} among them; those of two exports "
            "would be read as one set",
            field="folder",
            value=str(target),
            remedy="Choose a folder without structures"
            + (", or write this one anew (--overwrite)" if ours >= earlier else ""),
        )
    with TemporaryDirectory(dir=target, prefix=".export-") as beside:
        yield Path(beside)
        for file in earlier:
            file.unlink()
        for file in Path(beside).iterdir():
            file.replace(target / file.name)


# What an export writes, in any format.
_OURS = re.compile(
    r"structure\d{6,}_\w*\.xsf|structures\.extxyz|index\.json|entries\.json"
    r"|optimade\.jsonl?"
    r"|run\d{4,}_\w*\.(extxyz|XDATCAR)"
    r"|potential\.(safetensors|pt)|[A-Z][a-z]?\.nn(\.ascii)?"
)


def _structure_files(folder: Path) -> set[Path]:
    """Return what in a folder is, or may be read as, part of an export."""
    return {
        file
        for file in folder.iterdir()
        if file.suffix.lower() in {".xsf", ".extxyz"} or _OURS.fullmatch(file.name)
    }


def _as_document(document: StructureDocument | Mapping[str, Any]) -> StructureDocument:
    if isinstance(document, StructureDocument):
        return document
    return StructureRecord.from_store(document)


def labelled_atoms(document: StructureDocument) -> Atoms:
    """Return ASE atoms that carry energy (eV), forces (eV/Å) and stress (eV/Å^3)."""
    structure = document.structure
    atoms = Atoms(
        symbols=[site.specie.symbol for site in structure],
        positions=structure.cart_coords,
        cell=structure.lattice.matrix,
        pbc=True,
    )
    known: dict[str, Any] = {"energy": document.energy}
    if document.forces is not None:
        known["forces"] = np.array(document.forces)
    if document.stress is not None:
        known["stress"] = np.array(document.stress)
    atoms.calc = SinglePointCalculator(atoms, **known)
    origin = document.provenance
    # what is not known is left out: an empty text swallows the word after it
    told = {"parent": origin.parent, "group": origin.group, "x": document.x}
    atoms.info = {
        "method": document.method,
        "source": origin.source,
        **{name: value for name, value in told.items() if value is not None},
        "converged": document.converged,
        "relaxed": document.relaxed,
    }
    return atoms


def _write_extxyz(documents: list[StructureDocument], folder: Path) -> None:
    from ase.io import write

    write(
        folder / "structures.extxyz",
        [labelled_atoms(document) for document in documents],
        format="extxyz",
    )


def _write_xsf(documents: list[StructureDocument], folder: Path) -> None:
    from lps_flows.potential import write_xsf

    index = []
    for number, document in enumerate(documents):
        # The formula comes from data: nothing but letters and digits may reach a path.
        formula = re.sub(r"[^A-Za-z0-9]", "", document.formula)
        name = f"structure{number:06d}_{formula}.xsf"
        write_xsf(
            folder / name,
            document.structure,
            energy=document.energy,
            forces=None if document.forces is None else np.array(document.forces),
        )
        index.append(
            {
                "file": name,
                "method": document.method,
                "formula": document.formula,
                "x": document.x,
                "provenance": document.provenance.model_dump(mode="json"),
            }
        )
    (folder / "index.json").write_text(json.dumps(index, indent=1), encoding="utf-8")


def _write_entries(documents: list[StructureDocument], folder: Path) -> None:
    entries = [document.computed_entry().as_dict() for document in documents]
    (folder / "entries.json").write_text(json.dumps(entries), encoding="utf-8")


_WRITERS: dict[str, Callable[[list[StructureDocument], Path], None]] = {
    "extxyz": _write_extxyz,
    "xsf": _write_xsf,
    "entries": _write_entries,
}
