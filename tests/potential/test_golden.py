"""Against the numbers ænet itself computed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lps_flows.potential import ANNPotential, ChebyshevDescriptor, read_xsf

GOLDEN = Path(__file__).parent / "data" / "golden"
STRUCTURES = sorted(path.stem for path in (GOLDEN / "structures").glob("*.xsf"))
RESULTS = json.loads((GOLDEN / "expected" / "netA.json").read_text())
OTHERS = json.loads((GOLDEN / "features_other_setups" / "index.json").read_text())


@pytest.fixture(scope="module", params=["nn", "nn.ascii"])
def potential(request):
    return ANNPotential.from_aenet(
        {e: GOLDEN / "net" / f"{e}.netA.{request.param}" for e in ("Li", "P", "S")}
    )


@pytest.mark.parametrize("name", STRUCTURES)
def test_features(name):
    descriptor = ChebyshevDescriptor(["Li", "P", "S"])
    found = descriptor.features(read_xsf(GOLDEN / "structures" / f"{name}.xsf"))
    expected = np.loadtxt(GOLDEN / "features" / f"{name}.txt", ndmin=2)
    assert found.dtype == np.float64
    assert np.abs(found - expected).max() < 1e-10


@pytest.mark.parametrize("entry", OTHERS, ids=lambda e: e["file"])
def test_features_of_other_setups(entry):
    descriptor = ChebyshevDescriptor(
        species=entry["env"],
        radial_cutoff=entry["radial_Rc"],
        radial_order=entry["radial_N"],
        angular_cutoff=entry["angular_Rc"],
        angular_order=entry["angular_N"],
    )
    atoms = read_xsf(GOLDEN / "structures" / f"{entry['structure']}.xsf")
    expected = np.loadtxt(GOLDEN / "features_other_setups" / entry["file"], ndmin=2)
    assert np.abs(descriptor.features(atoms) - expected).max() < 1e-10


@pytest.mark.parametrize("name", list(RESULTS))
def test_energies_forces_stress(potential, name):
    expected = RESULTS[name]
    result = potential.evaluate(read_xsf(GOLDEN / "structures" / f"{name}.xsf"))
    assert abs(result.energy - expected["total_energy"]) < 1e-10
    assert np.abs(result.atomic_energies - expected["atomic_energies"]).max() < 1e-10
    assert np.abs(result.forces - np.array(expected["forces"])).max() < 1e-10
    stress = expected.get("stress_finite_difference_eV_per_A3")
    if stress is None:
        assert result.stress is None
    else:
        assert np.abs(result.stress - np.array(stress)).max() < 1e-7


def test_all_structures_in_one_call(potential):
    atoms = [read_xsf(GOLDEN / "structures" / f"{name}.xsf") for name in RESULTS]
    results = potential.evaluate(atoms)
    for result, expected in zip(results, RESULTS.values(), strict=True):
        assert abs(result.energy - expected["total_energy"]) < 1e-10
        assert np.abs(result.forces - np.array(expected["forces"])).max() < 1e-10


def test_permuted_and_shifted_by_lattice_vectors(potential):
    """The order and the images of the atoms do not matter."""
    p = np.loadtxt(GOLDEN / "s14b_permutation.txt", dtype=int)
    a = potential.evaluate(read_xsf(GOLDEN / "structures/s14a_32_wrapped.xsf"))
    b = potential.evaluate(
        read_xsf(GOLDEN / "structures/s14b_32_unwrapped_shuffled.xsf")
    )
    assert abs(a.energy - b.energy) < 1e-10
    assert np.abs(a.atomic_energies[p] - b.atomic_energies).max() < 1e-10


@pytest.mark.parametrize("element", ["Li", "P", "S"])
@pytest.mark.parametrize("kind", ["nn", "nn.ascii"])
def test_files_come_back_byte_for_byte(potential, tmp_path, element, kind):
    potential.to_aenet(tmp_path)
    written = (tmp_path / f"{element}.{kind}").read_bytes()
    assert written == (GOLDEN / "net" / f"{element}.netA.{kind}").read_bytes()
