"""From the equation-of-state flow to bulk moduli."""

from __future__ import annotations

import pytest
from jobflow import JobStore, run_locally

from lps_flows.analysis import ElasticitySettings
from lps_flows.analysis.elasticity import birch_murnaghan
from lps_flows.builders import ElasticityBuilder, result_store, run_builder
from lps_flows.chemistry import crystal, full_formula
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.jobs.elasticity import EquationOfStateMaker, strained
from lps_flows.schemas import Provenance
from lps_flows.schemas.elasticity import EOSDocument
from tests.builders.toy_campaign import METHOD, put


def _eos(key: str, modulus: float, *, broken: bool = False) -> EOSDocument:
    structure = crystal(key)
    volumes = [structure.volume * (0.88 + 0.04 * k) for k in range(7)]
    energies = [
        float(birch_murnaghan(v, -50.0, structure.volume, modulus / 160.21766, 4.2))
        for v in volumes
    ]
    if broken:
        energies = [-e for e in energies]
    return EOSDocument(
        method=METHOD,
        provenance=Provenance(source="crystal", parent=key),
        formula=full_formula(structure),
        x=None,
        nsites=len(structure),
        relaxed_ions=True,
        volumes=volumes,
        energies=energies,
    )


def test_builder_fits_and_explains(job_store: JobStore) -> None:
    good = put(job_store, "eos", _eos("Li2S", 42.0))
    bad = put(job_store, "bad-eos", _eos("LiPS3", 12.0, broken=True))
    results = result_store(job_store, "elasticity")
    builder = ElasticityBuilder(job_store, results)
    assert run_builder(builder) == 2
    found = {d["elasticity_id"]: d for d in results.query()}
    assert found[good]["bulk_modulus"] == pytest.approx(42.0, rel=1e-4)
    assert found[good]["trusted"]
    assert found[bad]["bulk_modulus"] is None
    assert "no minimum" in found[bad]["note"]
    assert run_builder(builder) == 0
    results.close()


def test_strains_are_even_and_shapes_kept() -> None:
    structure = crystal("Li2S")
    frames = strained(structure, ElasticitySettings(max_strain=0.04, n_frames=5))
    lengths = [frame.lattice.a / structure.lattice.a for frame in frames]
    assert lengths == pytest.approx([0.96, 0.98, 1.0, 1.02, 1.04])


@pytest.mark.parametrize("name", ["chgnet", "vasp"])
def test_every_engine_can_keep_its_cell(name: str) -> None:
    engine = get_engine(EngineSettings(name=name))
    kept = engine.with_fixed_cell()
    maker = getattr(kept.relax, "input_set_generator", None) or kept.relax
    assert maker.relax_cell is False
    assert kept.method == engine.method


@pytest.mark.slow
def test_job_gives_a_bulk_modulus(job_store: JobStore) -> None:
    engine = get_engine(EngineSettings(name="chgnet"))
    maker = EquationOfStateMaker(
        engine=engine, settings=ElasticitySettings(max_strain=0.04)
    )
    provenance = Provenance(source="crystal", parent="Li2S")
    job = maker.make(crystal("Li2S").get_primitive_structure(), provenance)
    run_locally(job, store=job_store, ensure_success=True)
    results = result_store(job_store, "elasticity")
    assert run_builder(ElasticityBuilder(job_store, results)) == 1
    (document,) = results.query()
    results.close()
    assert document["method"] == engine.method
    # DFT and experiment: 40 to 46 GPa; the surrogate is soft
    assert 20 < document["bulk_modulus"] < 60
