"""The path of the GPU, on the CPU and, where there is one, on a GPU."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.potential import (
    ANNCalculator,
    ANNPotential,
    OverlappingAtomsError,
    RelaxationSettings,
    TrainingSettings,
    UnknownElementError,
    read_xsf,
    relax_batch,
    train_potential,
)
from lps_flows.potential.network import ACTIVATIONS
from lps_flows.potential.training import prepare_training
from tests.potential.toy import random_potential, random_structure

torch = pytest.importorskip("torch")

GOLDEN = Path(__file__).parent / "data" / "golden"


@pytest.fixture(
    params=[
        "torch",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(
                not torch.cuda.is_available(), reason="no CUDA device here"
            ),
        ),
    ]
)
def device(request):
    return request.param


def same(found, expected, committee=False, tolerance=1e-10):
    for a, b in zip(found, expected, strict=True):
        assert a.energy == pytest.approx(b.energy, abs=tolerance)
        assert np.allclose(a.atomic_energies, b.atomic_energies, atol=tolerance)
        assert np.allclose(a.forces, b.forces, atol=tolerance)
        if b.stress is not None:
            assert np.allclose(a.stress, b.stress, atol=tolerance)
        if committee:
            assert a.energy_std == pytest.approx(b.energy_std, abs=tolerance)
            assert np.allclose(a.forces_std, b.forces_std, atol=tolerance)


def check(device, potential, structures, committee=False, tolerance=1e-10):
    expected = potential.evaluate(structures, committee=committee)
    found = potential.to(device=device).evaluate(structures, committee=committee)
    same(found, expected, committee, tolerance)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_same_as_the_compiled_path(device, activation):
    potential = random_potential(activation=activation, members=2, angular_cutoff=4.5)
    check(device, potential, [random_structure(k, n=4 + 3 * k) for k in range(5)], True)


@pytest.mark.parametrize(
    "shape",
    [
        {"species": ("Li",), "radial_order": 0, "angular_order": 0},
        {"species": ("S", "Li"), "radial_order": 1, "angular_order": 1},
        {"radial_order": 7, "angular_order": 2, "radial_cutoff": 4.0},
    ],
)
def test_other_descriptors(device, shape):
    potential = random_potential(**shape)
    species = shape.get("species", ("Li", "P", "S"))
    check(device, potential, [random_structure(k, species=species) for k in range(3)])


def test_atoms_without_neighbours(device):
    lonely = Atoms("Li", [[1, 2, 3]])
    pair = Atoms("LiS", [[0, 0, 0], [50, 0, 0]])
    check(device, random_potential(), [lonely, pair, random_structure()])


def test_energies_alone_and_auto(device):
    potential = random_potential()
    atoms = random_structure()
    found = potential.to(device=device).evaluate(atoms, forces=False, stress=False)
    assert found.energy == pytest.approx(potential.evaluate(atoms).energy, abs=1e-10)
    assert found.forces is None
    auto = potential.to(device="auto")
    assert auto.device == ("cuda" if torch.cuda.is_available() else "cpu")


def test_float32(device):
    potential = random_potential().to(dtype="float32")
    structures = [random_structure(k) for k in range(2)]
    check(device, potential, structures, tolerance=2e-3)


def test_same_as_aenet(device):
    potential = ANNPotential.from_aenet(
        {e: GOLDEN / "net" / f"{e}.netA.nn" for e in ("Li", "P", "S")}
    ).to(device=device)
    for name, expected in json.loads(
        (GOLDEN / "expected/netA.json").read_text()
    ).items():
        result = potential.evaluate(read_xsf(GOLDEN / "structures" / f"{name}.xsf"))
        assert abs(result.energy - expected["total_energy"]) < 1e-10
        assert np.abs(result.forces - np.array(expected["forces"])).max() < 1e-10


def test_kept_neighbour_lists(device):
    """Atoms and cells move, first within the skin, at last beyond it."""
    potential = random_potential(members=2)
    evaluator = potential.to(device=device).evaluator(skin=0.6)
    atoms = [random_structure(k, n=9 + k) for k in range(3)]
    rng = np.random.default_rng(0)
    uploads = []
    for step, size in enumerate([0.0, 0.02, 0.02, 0.02, 0.4]):
        for a in atoms:
            strain = np.eye(3) + 0.05 * size * rng.normal(size=(3, 3))
            a.set_cell(a.cell.array @ strain, scale_atoms=True)
            a.positions += size * rng.uniform(-1, 1, a.positions.shape)
        committee = step % 2 == 1
        found = evaluator.evaluate(atoms, committee=committee)
        same(found, potential.evaluate(atoms, committee=committee), committee)
        uploads.append(evaluator._on_device._kept)
        assert (evaluator.n_searches == len(atoms)) == (size < 0.4)
    assert uploads[0] is uploads[3]
    assert uploads[3] is not uploads[4]


def test_a_batch_that_changes(device):
    potential = random_potential()
    evaluator = potential.to(device=device).evaluator(skin=0.6)
    atoms = {k: random_structure(k, n=6 + 2 * k) for k in range(4)}
    for keys in ([0, 1, 2, 3], [0, 2, 3], [3, 0], [3, 0], [0, 1, 2, 3]):
        batch = [atoms[k] for k in keys]
        for k in keys:
            atoms[k].positions += 0.01
        same(evaluator.evaluate(batch, keys=keys), potential.evaluate(batch))
    assert evaluator.n_searches == 4


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("with_forces", [False, True])
def test_training_loss_and_its_gradient(device, activation, with_forces):
    structures = [random_structure(k, n=5 + k) for k in range(8)]
    rng = np.random.default_rng(0)
    forces = [rng.normal(size=(len(s), 3)) for s in structures]
    forces[2] = None
    settings = TrainingSettings(
        hidden=(4, 3), restarts=3, activation=activation, validation_fraction=0.3
    )
    answers = []
    for where in ("cpu", device):
        ready = prepare_training(
            structures,
            np.arange(8.0),
            settings.model_copy(update={"device": where}),
            forces=forces if with_forces else None,
        )
        answers.append(ready.evaluate([0, 1, 2], ready.starts))
    for expected, found in zip(*answers, strict=True):
        for a, b in zip(expected, found, strict=True):
            assert np.allclose(a, b, rtol=1e-9, atol=1e-11)


def test_training_ends_with_a_potential(device):
    structures = [random_structure(k, n=6) for k in range(12)]
    energies = [random_potential().evaluate(s).energy for s in structures]
    settings = TrainingSettings(hidden=(3,), restarts=2, iterations=8, device=device)
    found = train_potential(structures, energies, settings)
    expected = train_potential(
        structures, energies, settings.model_copy(update={"device": "cpu"})
    )
    assert found.validation.rmse == pytest.approx(expected.validation.rmse, rel=1e-3)
    assert found.potential.device == "cpu"


def test_relaxation_of_a_batch(device):
    potential = random_potential()
    structures = [
        AseAtomsAdaptor.get_structure(random_structure(k, n=8)) for k in range(3)
    ]
    settings = RelaxationSettings(max_steps=4, max_volume_change=5.0)
    expected = relax_batch(structures, potential, settings)
    found = relax_batch(structures, potential.to(device=device), settings)
    for a, b in zip(found, expected, strict=True):
        assert a.failure == b.failure
        assert a.energy == pytest.approx(b.energy, abs=1e-8)


def test_dynamics(device):
    ends = []
    for where in ("cpu", device):
        atoms = random_structure(4, n=10)
        atoms.calc = ANNCalculator(random_potential().to(device=where))
        VelocityVerlet(atoms, 0.2 * units.fs).run(5)
        ends.append(atoms.positions.copy())
    assert np.abs(ends[0] - ends[1]).max() < 1e-9


def test_overlapping_atoms_and_unknown_elements(device):
    potential = random_potential(minimum_distance=0.5).to(device=device)
    good = random_structure()
    pair = Atoms("LiS", [[0, 0, 0], [2.0, 0, 0]], cell=[9, 9, 9], pbc=True)
    evaluator = potential.evaluator(skin=1.0)
    before = evaluator.evaluate([good, pair])
    for distance in (0.0, 0.2, 0.4999):
        pair.positions[1, 0] = distance
        with pytest.raises(OverlappingAtomsError) as caught:
            evaluator.evaluate([good, pair])
        assert caught.value.structures == (1,)
        assert caught.value.value == pytest.approx(distance)
    pair.positions[1, 0] = 2.0
    same(evaluator.evaluate([good, pair]), before)
    pair.positions[1, 0] = 0.5001
    evaluator.evaluate([good, pair])
    with pytest.raises(UnknownElementError):
        potential.evaluate(Atoms("O"))
