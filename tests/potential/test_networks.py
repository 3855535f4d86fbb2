"""Networks of every kind against a plain evaluation by hand; committees."""

from __future__ import annotations

import numpy as np
import pytest

from lps_flows.potential import ANNPotential, ElementNetwork, PotentialError
from lps_flows.potential.network import ACTIVATIONS
from tests.potential.toy import random_network, random_potential, random_structure

BY_HAND = {
    "linear": lambda x: x,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "mtanh": lambda x: 1.7159 * np.tanh(2 / 3 * x),
    "twist": lambda x: 1.7159 * np.tanh(2 / 3 * x) + 0.1 * x,
}


def by_hand(potential, atoms, member=0):
    norm = potential.normalisation
    g = potential.descriptor.features(atoms)
    found = []
    for k, symbol in enumerate(atoms.get_chemical_symbols()):
        z = potential.species.index(symbol)
        a = (g[k] - norm.mean[z]) / norm.std[z]
        net = potential.members[member][symbol]
        for w, b, name in zip(net.weights, net.biases, net.activations, strict=True):
            a = BY_HAND[name](w @ a + b)
        found.append(
            a[0] / norm.energy_scale + norm.energy_shift + norm.atomic_energies[z]
        )
    return np.array(found)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (1,), (15, 15), (3, 20, 7)])
def test_atomic_energies(activation, hidden):
    potential = random_potential(hidden=hidden, activation=activation)
    atoms = random_structure(2, n=12)
    found = potential.evaluate(atoms).atomic_energies
    assert np.allclose(found, by_hand(potential, atoms), atol=1e-10)


def test_activation_of_the_output_layer_counts():
    potential = random_potential()
    nets = {
        e: ElementNetwork(n.weights, n.biases, ("tanh", "sigmoid", "twist"))
        for e, n in potential.members[0].items()
    }
    other = ANNPotential(potential.descriptor, potential.normalisation, [nets])
    atoms = random_structure(1)
    found = other.evaluate(atoms).atomic_energies
    assert np.allclose(found, by_hand(other, atoms), atol=1e-10)


def test_feature_that_never_varied_is_switched_off():
    potential = random_potential()
    potential.normalisation.mean_square[0, 3] = potential.normalisation.mean[0, 3] ** 2
    assert potential.normalisation.inverse_std[0, 3] == 0
    assert np.isfinite(potential.evaluate(random_structure()).forces).all()


def test_committee_is_its_members():
    potential = random_potential(members=4)
    potential.best = 2
    many = [random_structure(k, n=10) for k in range(3)]
    together = potential.evaluate(many, committee=True)
    members = [potential.member(k).evaluate(many) for k in range(4)]
    plain = potential.evaluate(many)
    for s, result in enumerate(together):
        energies = np.array([m[s].energy for m in members])
        forces = np.array([m[s].forces for m in members])
        assert result.energy == pytest.approx(energies[2], abs=1e-10)
        assert plain[s].energy == pytest.approx(energies[2], abs=1e-10)
        assert np.allclose(result.forces, forces[2], atol=1e-10)
        assert np.allclose(result.stress, members[2][s].stress, atol=1e-10)
        assert result.energy_std == pytest.approx(energies.std() / 10, abs=1e-10)
        assert np.allclose(result.forces_std, forces.std(axis=0), atol=1e-10)
        assert plain[s].energy_std is None
        assert plain[s].forces_std is None


def test_a_committee_needs_two():
    with pytest.raises(PotentialError, match="single member"):
        random_potential().evaluate(random_structure(), committee=True)


def test_bad_networks_are_refused():
    rng = np.random.default_rng(0)
    good = random_network(rng, (4, 3, 1), ("tanh", "linear"))
    with pytest.raises(PotentialError, match="unknown activation"):
        ElementNetwork(good.weights, good.biases, ("tanh", "relu"))
    with pytest.raises(PotentialError, match="do not fit"):
        ElementNetwork(good.weights[::-1], good.biases[::-1], good.activations)
    with pytest.raises(PotentialError, match="one node"):
        random_network(rng, (4, 3, 2), ("tanh", "linear"))
    with pytest.raises(PotentialError, match="not finite"):
        ElementNetwork(
            (good.weights[0] * np.nan, good.weights[1]), good.biases, good.activations
        )


def test_members_must_share_their_shape():
    a, b = random_potential(hidden=(3,)), random_potential(hidden=(4,))
    with pytest.raises(PotentialError, match="same shape"):
        ANNPotential(a.descriptor, a.normalisation, [a.members[0], b.members[0]])
    with pytest.raises(PotentialError, match="one network for each"):
        ANNPotential(a.descriptor, a.normalisation, [{"Li": a.members[0]["Li"]}])


def test_only_what_is_asked_for():
    potential = random_potential()
    result = potential.evaluate(random_structure(), forces=False, stress=False)
    assert result.forces is None
    assert result.stress is None
    assert potential.evaluate(random_structure(), stress=False).stress is None
    assert potential.evaluate(random_structure(), forces=False).stress is not None
