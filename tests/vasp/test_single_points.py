"""A relaxation by single points of VASP, on the stand-in: the inputs read back."""

import gzip

import numpy as np
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore
from pymatgen.io.vasp import Incar, Poscar

from lps_flows.chemistry import crystal
from lps_flows.foundation import decode
from lps_flows.jobs import single_points
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.jobs.single_points import SinglePointSettings
from lps_flows.schemas import Provenance
from lps_flows.schemas.relaxation import RelaxationDocument
from tests.near_potential import NearPotential


def test_each_single_point_starts_from_the_wave_functions_before_it(
    stand_in_engine, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(single_points, "load_potential", lambda _: NearPotential())
    few = SinglePointSettings(fmax=1e-3, max_evaluations=3)
    flow = ReferenceRelaxMaker(engine=stand_in_engine, single_points=few).make(
        crystal("gamma-Li3PS4"), Provenance(source="ga"), "the potential"
    )
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, create_folders=True, ensure_success=True)
    asked = RelaxationDocument.from_store(
        store.get_output(flow.jobs[0].uuid, load=True)
    ).places()
    folders = [
        file.parent
        for file in sorted(
            tmp_path.glob("*/POSCAR.gz"), key=lambda f: f.stat().st_mtime
        )
    ]
    statics, last = folders[:3], folders[3]
    assert len(statics) == len(asked) == 3
    for folder, structure in zip(statics, asked, strict=True):
        incar = incar_of(folder)
        assert (incar["NSW"], incar["LWAVE"]) == (0, True)
        given = Poscar.from_str(text_of(folder, "POSCAR")).structure
        np.testing.assert_allclose(
            given.lattice.matrix, structure.lattice.matrix, atol=1e-6
        )
        # atomate2 sorts the sites
        sites = sorted(structure, key=lambda site: site.specie.X)
        for there, here in zip(given, sites, strict=True):
            assert there.distance(here) < 1e-4
    read = [
        "WAVECAR file was read" in text_of(folder, "vasp.out") for folder in statics
    ]
    assert read == [False, True, True]
    assert not list(tmp_path.glob("*/WAVECAR*"))  # gigabytes
    # three are too few: the engine's own relaxation goes on from the lowest
    assert incar_of(last)["NSW"] > 0
    document = decode(store.get_output(flow.output.uuid, load=True))
    assert "relaxed by the engine itself: not converged" in document.remarks[0]
    assert document.n_evaluations > 3
    assert np.isfinite(document.energy)


def incar_of(folder):
    return Incar.from_str(text_of(folder, "INCAR"))


def text_of(folder, name):
    with gzip.open(folder / f"{name}.gz", "rt") as file:
        return file.read()
