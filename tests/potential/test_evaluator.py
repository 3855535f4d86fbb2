"""Neighbour lists kept with a skin, the ASE calculator, saving and loading."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import units
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

from lps_flows.potential import (
    ANNCalculator,
    ANNPotential,
    PotentialFileError,
    committee_uncertainty,
    most_uncertain,
)
from lps_flows.potential.errors import PotentialError
from tests.potential.toy import random_potential, random_structure

POTENTIAL = random_potential()


def same(a, b):
    assert a.energy == pytest.approx(b.energy, abs=1e-10)
    assert np.allclose(a.forces, b.forces, atol=1e-10)
    assert np.allclose(a.stress, b.stress, atol=1e-10)


def test_skin_follows_moves_and_strains():
    rng = np.random.default_rng(0)
    atoms = random_structure(1, n=20, length=7.0)
    evaluator = POTENTIAL.evaluator(skin=0.6)
    for step in range(40):
        atoms.positions += rng.normal(scale=0.03, size=(20, 3))
        if step % 3 == 0:
            strain = np.eye(3) + rng.normal(scale=0.004, size=(3, 3))
            atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        same(evaluator.evaluate(atoms), POTENTIAL.evaluate(atoms))
    assert 1 < evaluator.n_searches < 30


def test_skin_survives_wrapping_swaps_and_other_structures():
    evaluator = POTENTIAL.evaluator(skin=0.5)
    atoms = random_structure(2, n=12)
    same(evaluator.evaluate(atoms), POTENTIAL.evaluate(atoms))
    atoms.positions[3] += atoms.cell.array[1]
    same(evaluator.evaluate(atoms), POTENTIAL.evaluate(atoms))
    atoms.symbols[:] = atoms.symbols[::-1]
    same(evaluator.evaluate(atoms), POTENTIAL.evaluate(atoms))
    atoms.pbc = [True, True, False]
    same(evaluator.evaluate(atoms), POTENTIAL.evaluate(atoms))
    other = random_structure(3, n=7)
    same(evaluator.evaluate(other), POTENTIAL.evaluate(other))


def test_skin_of_a_shrinking_batch():
    rng = np.random.default_rng(1)
    batch = {k: random_structure(k, n=5 + k) for k in range(5)}
    evaluator = POTENTIAL.evaluator(skin=1.0)
    for step in range(12):
        if step in (4, 7):
            batch.pop(step % 5)
        for atoms in batch.values():
            atoms.positions += rng.normal(scale=0.01, size=atoms.positions.shape)
        results = evaluator.evaluate(list(batch.values()), keys=list(batch))
        for result, atoms in zip(results, batch.values(), strict=True):
            same(result, POTENTIAL.evaluate(atoms))
    assert evaluator.n_searches == 5


@pytest.mark.parametrize("keys", [["a", "a"], ["a"], ["a", "b", "c"], []])
def test_keys_name_every_structure_once(keys):
    pair = [random_structure(1, n=9), random_structure(2, n=9)]
    with pytest.raises(PotentialError, match="for 2 structures") as caught:
        POTENTIAL.evaluator(skin=0.5).evaluate(pair, keys=keys)
    assert caught.value.field == "keys"


def test_calculator_agrees_and_has_all_properties():
    potential = random_potential(members=3)
    atoms = random_structure(4)
    atoms.calc = ANNCalculator(potential, committee=True)
    result = potential.evaluate(atoms, committee=True)
    assert atoms.get_potential_energy() == pytest.approx(result.energy, abs=1e-10)
    assert np.allclose(atoms.get_forces(), result.forces, atol=1e-10)
    assert np.allclose(atoms.get_stress(voigt=False), result.stress, atol=1e-10)
    assert np.allclose(atoms.get_potential_energies(), result.atomic_energies)
    assert atoms.calc.results["energy_std"] == pytest.approx(result.energy_std)
    atoms.rattle(0.01)
    assert atoms.get_potential_energy() != result.energy
    isolated = random_structure(4)
    isolated.pbc = False
    isolated.calc = ANNCalculator(potential)
    isolated.get_forces()
    with pytest.raises(Exception, match="stress"):
        isolated.get_stress()


def test_calculator_from_dictionary_and_file(tmp_path):
    atoms = random_structure(4)
    energy = POTENTIAL.evaluate(atoms).energy
    atoms.calc = ANNCalculator(json.loads(json.dumps(POTENTIAL.as_dict())))
    assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-10)
    atoms.calc = ANNCalculator(POTENTIAL.save(tmp_path / "p.safetensors"))
    assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-10)


def test_energy_is_conserved_in_md():
    """Velocity Verlet on a smooth potential: the drift is that of the time step."""
    atoms = random_structure(6, n=16, length=8.0)
    atoms.calc = ANNCalculator(random_potential(hidden=(3,), seed=5))
    BFGS(atoms, logfile=None).run(fmax=0.05, steps=60)
    thermalize_momenta(atoms, temperature_K=100, rng=np.random.default_rng(0))
    dynamics = VelocityVerlet(atoms, 0.5 * units.fs)
    energies = []
    dynamics.attach(lambda: energies.append(atoms.get_total_energy() / len(atoms)))
    dynamics.run(200)
    assert np.ptp(energies) < 2e-3


def test_saved_and_loaded(tmp_path):
    potential = random_potential(members=3, hidden={"Li": (), "P": (4,), "S": (2, 3)})
    potential.best = 1
    potential.metadata["note"] = {"deep": [1, 2.5, None, "Å"]}
    back = ANNPotential.load(potential.save(tmp_path / "folder" / "p.safetensors"))
    again = ANNPotential.from_dict(json.loads(json.dumps(potential.as_dict())))
    atoms = random_structure(1)
    expected = potential.evaluate(atoms, committee=True)
    for other in (back, again):
        found = other.evaluate(atoms, committee=True)
        assert found.energy == expected.energy
        assert np.array_equal(found.forces, expected.forces)
        assert found.energy_std == expected.energy_std
        assert other.metadata == potential.metadata
        assert other.identifier == potential.identifier
        assert other.descriptor == potential.descriptor
    assert random_potential(seed=1).identifier != potential.identifier


def test_damaged_saved_files(tmp_path):
    path = POTENTIAL.save(tmp_path / "p.safetensors")
    data = path.read_bytes()
    for damaged in (b"", data[:5], data[:100], data[:-9], b"x" + data[1:]):
        path.write_bytes(damaged)
        with pytest.raises(PotentialFileError, match=r"p\.safetensors"):
            ANNPotential.load(path)
    path.write_bytes(data.replace(b"lps-flows-ann-1", b"lps-flows-ann-9"))
    with pytest.raises(PotentialFileError, match="another version"):
        ANNPotential.load(path)
    path.write_bytes(data.replace(b'\\"best\\": 0', b'\\"best\\": 7'))
    with pytest.raises(PotentialFileError, match="no such member"):
        ANNPotential.load(path)
    with pytest.raises(PotentialFileError, match="cannot be read"):
        ANNPotential.load(tmp_path / "none")
    for dictionary in ({"weights": 1}, {"safetensors": "abc"}, {"safetensors": 7}):
        with pytest.raises(PotentialFileError):
            ANNPotential.from_dict(dictionary)


def test_the_most_uncertain():
    potential = random_potential(members=4)
    many = [random_structure(k) for k in range(8)]
    stds = [r.energy_std for r in potential.evaluate(many, committee=True)]
    assert np.allclose(committee_uncertainty(potential, many), stds)
    assert most_uncertain(potential, many, 3) == np.argsort(stds)[::-1][:3].tolist()
    middle = float(np.median(stds))
    assert len(most_uncertain(potential, many, 8, threshold=middle)) == 4
    assert most_uncertain(potential, many, 8, threshold=max(stds)) == []
    by_force = committee_uncertainty(potential, many, by="forces")
    assert by_force.shape == (8,)
    assert most_uncertain(potential, [], 3) == []
    with pytest.raises(PotentialError, match="measure"):
        committee_uncertainty(potential, many, by="charge")
