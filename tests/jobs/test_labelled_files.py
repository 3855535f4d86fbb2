"""Labelled structures that come from a file."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.jobs.export import export_structures
from lps_flows.jobs.labelled_files import (
    LabelledFileError,
    LabelledFileMaker,
    file_hash,
    frame_sizes,
    read_documents,
)
from lps_flows.jobs.training import gather
from lps_flows.potential import PotentialFileError
from lps_flows.schemas import Provenance, StructureDocument

ORIGINS = [
    Provenance(source="rattled", parent="gamma-Li3PS4"),
    Provenance(source="ga", group="a family of 2"),  # no parent
    Provenance(source="crystal", parent="Li2S"),
]


def documents() -> list[StructureDocument]:
    rng = np.random.default_rng(3)
    made = []
    for key, origin in zip(("gamma-Li3PS4", "Li2S", "Li2S"), ORIGINS, strict=True):
        cell = crystal(key)
        forces = rng.normal(size=(len(cell), 3)).tolist()
        made.append(
            StructureDocument.of(
                cell.perturb(0.1),
                -4.123456789 * len(cell),
                origin,
                method="toy",
                line=CompositionLine(),
                relaxed=True,
                # as of a relaxation's points between the first and the last
                forces=None if origin.source == "ga" else forces,
            )
        )
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    export_structures(documents(), tmp_path, "extxyz")
    return tmp_path / "structures.extxyz"


@pytest.mark.parametrize("compressed", [False, True])
def test_what_was_exported_joins_another_set(file: Path, compressed: bool) -> None:
    if compressed:
        content = file.read_bytes()
        file = file.with_suffix(".extxyz.xz")
        file.write_bytes(lzma.compress(content))
    assert frame_sizes(file) == (16, 12, 12)
    for read_back, given in zip(read_documents(file, "toy"), documents(), strict=True):
        assert read_back.energy == pytest.approx(given.energy, abs=1e-8)
        assert read_back.x == given.x
        if given.forces is None:
            assert read_back.forces is None
        else:
            assert np.allclose(read_back.forces, given.forces, atol=1e-7)
        origin, before = read_back.provenance, given.provenance
        assert (origin.source, origin.parent) == (before.source, before.parent)
        assert origin.group == before.group
        # labels, no phases: a hull takes what its own campaign has relaxed
        assert not read_back.relaxed
        assert read_back.n_evaluations == 0


def test_energies_of_another_method_are_refused(file: Path) -> None:
    with pytest.raises(
        LabelledFileError, match=r"by toy in frame 0.*by chgnet-0\.3\.0"
    ):
        read_documents(file, "chgnet-0.3.0")
    frames = read(file, ":")
    del frames[1].info["method"]
    write(file, frames, format="extxyz")
    with pytest.raises(LabelledFileError, match="does not name in frame 1"):
        read_documents(file, "toy")


def test_what_did_not_converge_is_not_learnt_elsewhere_either(tmp_path: Path) -> None:
    given = documents()
    given[1] = given[1].model_copy(update={"converged": False})
    export_structures(given, tmp_path, "extxyz")
    file = tmp_path / "structures.extxyz"
    read_back = read_documents(file, "toy")
    assert [document.converged for document in read_back] == [True, False, True]
    assert len(gather(read_back)) == 2
    file.write_text(file.read_text().replace("converged=F", "converged=no"))
    with pytest.raises(LabelledFileError, match="converged=no in frame 1"):
        read_documents(file, "toy")


def _labelled(atoms: Atoms, **info: Any) -> Atoms:
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0)
    atoms.info |= {"method": "toy"} | info
    return atoms


def test_an_unknown_origin_is_the_users(tmp_path: Path) -> None:
    cell = Atoms("Li", cell=[3, 3, 3], pbc=True)
    write(tmp_path / "mine.xyz", _labelled(cell, source="aimd"), format="extxyz")
    (document,) = read_documents(tmp_path / "mine.xyz", "toy")
    assert document.provenance.source == "user"
    assert document.forces is None
    assert document.x is None


def test_numbers_name_parents_and_families(tmp_path: Path) -> None:
    cell = Atoms("Li", cell=[3, 3, 3], pbc=True)
    frames = [_labelled(cell.copy(), group=k, parent=7) for k in (0, 1, 1)]
    frames.append(_labelled(cell.copy(), source=3))
    write(tmp_path / "mine.xyz", frames, format="extxyz")
    found = [d.provenance for d in read_documents(tmp_path / "mine.xyz", "toy")]
    assert [origin.group for origin in found] == ["0", "1", "1", None]
    assert [origin.parent for origin in found] == ["7"] * 3 + [None]
    assert found[-1].source == "user"


@pytest.mark.parametrize("key", ["source", "parent", "group", "method"])
def test_an_origin_of_several_numbers_is_refused(tmp_path: Path, key: str) -> None:
    frame = _labelled(Atoms("Li", cell=[3, 3, 3], pbc=True), **{key: [1, 2]})
    write(tmp_path / "mine.xyz", frame, format="extxyz")
    with pytest.raises(LabelledFileError, match=r"\[1 2\] in frame 0"):
        read_documents(tmp_path / "mine.xyz", "toy")


@pytest.mark.parametrize(
    "atoms",
    [Atoms("LiH", [[0, 0, 0], [1.6, 0, 0]]), Atoms("X", cell=[3, 3, 3], pbc=True)],
)
def test_what_is_no_crystal_is_refused(tmp_path: Path, atoms: Atoms) -> None:
    write(tmp_path / "mine.extxyz", _labelled(atoms), format="extxyz")
    with pytest.raises(LabelledFileError, match="no crystal in frame 0"):
        read_documents(tmp_path / "mine.extxyz", "toy")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(LabelledFileError, match=r"nowhere\.extxyz"):
        file_hash(tmp_path / "nowhere.extxyz")
    with pytest.raises(LabelledFileError, match="not called extended XYZ"):
        file_hash(tmp_path / "OUTCAR")
    bad = tmp_path / "bad.extxyz"
    bad.write_text("three\natoms\n")
    with pytest.raises(LabelledFileError, match="no extended XYZ"):
        frame_sizes(bad)
    bad.write_text("2\nenergy=1 method=toy\nLi 0 0 0\n")
    with pytest.raises(PotentialFileError, match=r"bad\.extxyz"):
        read_documents(bad, "toy")
    # cut off on the way
    cut = tmp_path / "cut.extxyz.xz"
    cut.write_bytes(lzma.compress(b"1\nenergy=1 method=toy\nLi 0 0 0\n" * 9)[:-20])
    with pytest.raises(LabelledFileError, match=r"cut\.extxyz"):
        frame_sizes(cut)
    with pytest.raises(PotentialFileError, match=r"cut\.extxyz"):
        read_documents(cut, "toy")
    # more atoms than bytes: nothing is made room for, compressed or not
    huge = b"999999999\nenergy=1\nLi 0 0 0\n"
    for name, content in (("h.extxyz", huge), ("h.extxyz.xz", lzma.compress(huge))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PotentialFileError, match="announces 999999999"):
            read_documents(tmp_path / name, "toy")


def test_a_file_that_has_changed_is_refused(file: Path) -> None:
    before = file_hash(file)
    done = LabelledFileMaker.make.original(LabelledFileMaker(), file, "toy", before)
    assert (done.n_structures, done.n_evaluations) == (3, 0)
    file.write_text(file.read_text().replace("rattled", "strained"))
    with pytest.raises(LabelledFileError, match="changed since"):
        LabelledFileMaker.make.original(LabelledFileMaker(), file, "toy", before)
