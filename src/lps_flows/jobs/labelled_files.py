"""Structures that are labelled already, from a file into the reference set."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from jobflow import Maker, job
from monty.io import zopen
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.structure import Source

if TYPE_CHECKING:
    from ase import Atoms

_SUFFIXES = {".extxyz", ".xyz"}


class LabelledFileError(LpsFlowsError):
    """A file of labelled structures cannot join the reference set."""


def file_hash(file: str | Path) -> str:
    """SHA-256 of a file's content, by which it counts among a campaign's settings.

    Raises
    ------
    LabelledFileError
        When there is no such file, or its name is not that of extended XYZ.
    """
    path = Path(file)
    if not _SUFFIXES & {suffix.lower() for suffix in path.suffixes[-2:]}:
        raise _refused("is not called extended XYZ", file, "Name a file *.extxyz")
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _refused(
            f"cannot be read ({error.strerror})",
            file,
            "Give the path of a file that the workers see, too",
        ) from None


def frame_sizes(file: str | Path) -> tuple[int, ...]:
    """Return the number of atoms of every frame of a file of extended XYZ.

    Raises
    ------
    LabelledFileError
        When the file is malformed, or what compressed it cannot be undone.
    """

    def sizes() -> Iterator[int]:
        with zopen(file, "rt", encoding="utf-8") as lines:
            for line in filter(str.strip, lines):
                size = int(line)
                yield size
                next(islice(lines, size, size + 1), None)

    try:
        return tuple(sizes())
    except (ValueError, OSError, EOFError, LZMAError, zlib.error):
        raise _refused(
            "is no extended XYZ", file, "Write it by `lps-flows export`"
        ) from None


def read_documents(
    file: str | Path, method: str, line: CompositionLine | None = None
) -> list[StructureDocument]:
    """Read labelled structures, each with the method of its energy.

    Parameters
    ----------
    file
        Extended XYZ, compressed or not: energies (eV), forces (eV/Å) where they are
        known, and ``method``, as `lps_flows.jobs.export.export_structures` writes it.
        ``source``, ``parent``, ``group`` and ``converged`` count where they are given.
    method
        Method that all energies must be of.
    line
        Composition line, Li2S-P2S5 unless given.

    Returns
    -------
    list of StructureDocument
        In the order of the file; none counts as relaxed, or as an evaluation. Those
        that did not converge are among them, and no potential learns them.

    Raises
    ------
    LabelledFileError
        When a frame is not periodic, its energy is of no or another method, or it
        does not say plainly whether that converged.
    PotentialFileError
        When the file is malformed, or a frame lacks its energy.
    """
    # a campaign's settings import this module, and most verbs read no file
    from lps_flows.potential import read_labelled

    line = line or CompositionLine()
    found = read_labelled(file)
    documents = []
    for number, (atoms, energy, forces) in enumerate(
        zip(found.structures, found.energies, found.forces, strict=True)
    ):
        stated = _word(atoms, "method", number, file)
        if stated != method:
            raise _refused(
                f"has an energy by {stated or 'a method it does not name'} in frame "
                f"{number}, where the campaign's are by {method}",
                file,
                f"Leave the frame out, or write method={method} in its second line "
                "where its energy is by that very method and these settings of it",
            )
        if not atoms.pbc.all() or 0 in atoms.numbers:
            raise _refused(
                f"holds no crystal in frame {number}",
                file,
                "Leave out what is not periodic in all directions or no element",
            )
        documents.append(
            StructureDocument.of(
                Structure(
                    atoms.cell.array,
                    atoms.get_chemical_symbols(),
                    atoms.positions,
                    coords_are_cartesian=True,
                ),
                energy,
                _origin(atoms, number, file),
                method=method,
                line=line,
                relaxed=False,
                converged=_converged(atoms, number, file),
                forces=None if forces is None else forces.tolist(),
                n_evaluations=0,
            )
        )
    return documents


def _converged(atoms: Atoms, number: int, file: str | Path) -> bool:
    stated = atoms.info.get("converged", True)
    if isinstance(stated, (bool, np.bool_)):
        return bool(stated)
    raise _refused(
        f"says converged={stated} in frame {number}, which is neither T nor F",
        file,
        "Write converged=T or converged=F, or leave it out",
    )


def _origin(atoms: Atoms, number: int, file: str | Path) -> Provenance:
    source, parent, group = (
        _word(atoms, key, number, file) for key in ("source", "parent", "group")
    )
    return Provenance.model_validate(
        {
            "source": source if source in get_args(Source) else "user",
            "parent": parent,
            "group": group,
            "details": {"file": Path(file).name},
        }
    )


def _word(atoms: Atoms, key: str, number: int, file: str | Path) -> str | None:
    """Return what a frame says by one key, as text; numbers count families, too."""
    value = atoms.info.get(key, "")
    if np.ndim(value) == 0:
        return str(value) or None
    raise _refused(
        f"says {key}={value} in frame {number}, which is more than one word",
        file,
        "Write one word or number, or text in quotation marks",
    )


def _refused(problem: str, file: str | Path, remedy: str) -> LabelledFileError:
    return LabelledFileError(
        f"the file of labelled structures {problem}",
        field="dataset.labelled",
        value=str(file),
        remedy=remedy,
    )


@dataclass
class LabelledFileMaker(Maker):
    """Read structures that are labelled already; nothing is computed."""

    name: str = "read labels"
    line: CompositionLine = field(default_factory=CompositionLine)

    @job(output_schema=StructureSet, data="entries")
    def make(self, file: str, method: str, sha256: str) -> StructureSet:
        """Read the file.

        Parameters
        ----------
        file, method
            As in `read_documents`.
        sha256
            Hash of the file's content when the campaign was submitted.

        Raises
        ------
        LabelledFileError
            When the file is gone or another one, or as `read_documents`.
        """
        if file_hash(file) != sha256:
            raise _refused(
                "has changed since the campaign was submitted",
                file,
                "Put the file of then in its place",
            )
        documents = read_documents(file, method, self.line)
        return StructureSet(
            method=method,
            n_structures=len(documents),
            entries=documents,
            n_evaluations=0,
        )
