"""Small potentials and structures for the tests."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from ase import Atoms

from lps_flows.potential import ANNPotential, ChebyshevDescriptor, ElementNetwork
from lps_flows.potential.normalisation import Normalisation


def random_network(rng, sizes, activations):
    weights = tuple(rng.uniform(-1, 1, (b, a)) / np.sqrt(a) for a, b in pairwise(sizes))
    biases = tuple(rng.uniform(-0.5, 0.5, b) for b in sizes[1:])
    return ElementNetwork(weights, biases, tuple(activations))


def random_potential(
    species=("Li", "P", "S"),
    hidden=(5, 4),
    activation="tanh",
    members=1,
    seed=0,
    **descriptor,
):
    """Return a potential with random weights; `hidden` may be a dict by element."""
    rng = np.random.default_rng(seed)
    d = ChebyshevDescriptor(species, **{"minimum_distance": 0.01, **descriptor})
    n, z = d.n_features, len(d.species)
    mean = rng.normal(size=(z, n))
    norm = Normalisation(
        mean=mean,
        mean_square=mean**2 + rng.uniform(0.5, 2, (z, n)) ** 2,
        minimum=mean - 1,
        maximum=mean + 1,
        n_atoms=np.full(z, 10),
        atomic_energies=rng.normal(size=z),
        energy_scale=0.7,
        energy_shift=0.3,
    )
    layers = hidden if isinstance(hidden, dict) else dict.fromkeys(d.species, hidden)
    committee = [
        {
            e: random_network(
                rng, (n, *layers[e], 1), (activation,) * len(layers[e]) + ("linear",)
            )
            for e in d.species
        }
        for _ in range(members)
    ]
    return ANNPotential(d, norm, committee)


def random_structure(seed=0, n=9, species=("Li", "P", "S"), length=6.0, shear=0.2):
    """Return a periodic structure of n atoms no closer than about an Å and a half."""
    rng = np.random.default_rng(seed)
    cell = length * (np.eye(3) + shear * rng.uniform(-1, 1, (3, 3)))
    side = int(np.ceil(n ** (1 / 3)))
    grid = np.array(list(np.ndindex(side, side, side)))[:n] / side
    jitter = 0.1 * rng.uniform(-1, 1, (n, 3)) / side
    return Atoms(
        rng.choice(list(species), n),
        scaled_positions=grid + jitter,
        cell=cell,
        pbc=True,
    )
