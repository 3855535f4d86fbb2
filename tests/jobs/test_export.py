import json

import numpy as np
import pytest
from ase.io import read
from monty.serialization import loadfn
from pymatgen.entries.computed_entries import ComputedStructureEntry

from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.engines import Calculation
from lps_flows.jobs.export import ExportError, export_structures
from lps_flows.jobs.labels import structure_document
from lps_flows.potential import XSFError, read_labelled, read_xsf
from lps_flows.schemas import Provenance


def labelled(key, method="stub"):
    structure = crystal(key)
    rng = np.random.default_rng(0)
    stress = rng.normal(size=(3, 3))
    return structure_document(
        Calculation(
            structure=structure,
            energy=-1.5 * len(structure),
            forces=rng.normal(size=(len(structure), 3)),
            stress=stress + stress.T,
            converged=True,
            electrons_converged=True,
            n_steps=1,
            max_force=1.0,
        ),
        Provenance(source="crystal", parent=key),
        method=method,
        relaxed=False,
        line=CompositionLine(),
    )


@pytest.fixture
def documents():
    return [labelled("gamma-Li3PS4"), labelled("Li2S")]


def test_extxyz_carries_labels_and_origin(documents, tmp_path):
    assert export_structures(documents, tmp_path, "extxyz") == 2
    frames = read(tmp_path / "structures.extxyz", ":")
    for frame, document in zip(frames, documents, strict=True):
        assert frame.get_potential_energy() == pytest.approx(document.energy)
        assert np.allclose(frame.get_forces(), document.forces)
        assert np.allclose(frame.get_stress(voigt=False), document.stress)
        assert np.allclose(
            frame.get_scaled_positions(wrap=False), document.structure.frac_coords
        )
        assert frame.info["parent"] == document.provenance.parent


def test_xsf_folder_is_read_back(documents, tmp_path):
    # what the collection holds: more fields than the document, as plain values
    stored = [
        d.model_dump() | {"structure_id": "1", "campaign": "c"} for d in documents
    ]
    assert export_structures(stored, tmp_path, "xsf") == 2
    index = json.loads((tmp_path / "index.json").read_text())
    for entry, document in zip(index, documents, strict=True):
        frame = read_xsf(tmp_path / entry["file"])
        assert frame.get_potential_energy() == pytest.approx(document.energy)
        assert np.allclose(frame.get_forces(), document.forces)


def test_entries_are_pymatgens_own(documents, tmp_path):
    stored = [
        d.model_dump() | {"structure_id": f"s-{k}", "campaign": "c"}
        for k, d in enumerate(documents)
    ]
    assert export_structures(stored, tmp_path, "entries") == 2
    entries = loadfn(tmp_path / "entries.json")
    for k, (entry, document) in enumerate(zip(entries, documents, strict=True)):
        assert isinstance(entry, ComputedStructureEntry)
        assert entry.entry_id == f"s-{k}"
        assert entry.energy == pytest.approx(document.energy)
        assert entry.structure == document.structure
        assert entry.parameters["run_type"] == "stub"
        assert entry.data["parent"] == document.provenance.parent


def test_methods_are_never_mixed(documents, tmp_path):
    with pytest.raises(ExportError, match="different methods"):
        export_structures([*documents, labelled("P2S5", "other")], tmp_path, "xsf")


def test_formats_and_emptiness_are_named(documents, tmp_path):
    with pytest.raises(ExportError, match="extxyz, xsf, entries"):
        export_structures(documents, tmp_path, "cif")
    with pytest.raises(ExportError, match="no labelled structure"):
        export_structures([], tmp_path, "xsf")


def test_formula_cannot_leave_the_folder(documents, tmp_path):
    evil = documents[0].model_copy(update={"formula": "../../Li"})
    export_structures([evil], tmp_path / "out", "xsf")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("again", ["xsf", "extxyz"])
@pytest.mark.parametrize("first", ["xsf", "extxyz", "entries"])
def test_a_used_folder_is_refused_or_written_anew(documents, tmp_path, first, again):
    export_structures([*documents, labelled("P2S5")], tmp_path, first)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    others = [labelled("P2S5", "other")]
    with pytest.raises(ExportError, match="--overwrite"):
        export_structures(others, tmp_path, again)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "notes.txt").write_text("mine")
    assert export_structures(others, tmp_path, again, overwrite=True) == 1
    target = tmp_path if again == "xsf" else tmp_path / "structures.extxyz"
    assert len(read_labelled(target).structures) == 1
    assert len(list(tmp_path.iterdir())) == 2 + (again == "xsf")


@pytest.mark.parametrize("name", ["mine.xsf", "MINE.XSF", "old.extxyz"])
def test_structures_of_others_are_never_deleted(documents, tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ExportError, match="without structures"):
        export_structures(documents, tmp_path, "xsf", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_export_that_fails_leaves_the_earlier_one(documents, tmp_path):
    export_structures(documents, tmp_path, "xsf")
    broken = documents[0].model_copy(update={"energy": float("nan")})
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(XSFError, match="not finite"):
        export_structures([broken], tmp_path, "xsf", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
