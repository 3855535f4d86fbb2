"""Features against their definition, summed plainly over all images."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ase import Atoms

from lps_flows.potential import ChebyshevDescriptor

LPS = ("Li", "P", "S")
SPINS = {1: [0], 2: [-1, 1], 3: [-1, 0, 1], 4: [-2, -1, 1, 2], 5: [-2, -1, 0, 1, 2]}


def neighbours(atoms, i, cutoff):
    """Return (index, vector) of everything within the cutoff, image by image."""
    periodic = atoms.cell.array[np.flatnonzero(atoms.pbc)]
    inverse = np.linalg.pinv(periodic)
    found = []
    for j, position in enumerate(atoms.positions):
        vector = position - atoms.positions[i]
        reach = cutoff * np.linalg.norm(inverse, axis=0) + 1
        low, high = -vector @ inverse - reach, -vector @ inverse + reach
        shifts = [
            range(int(a), int(b) + 1)
            for a, b in zip(np.floor(low), np.ceil(high), strict=True)
        ]
        for shift in itertools.product(*shifts):
            v = vector + np.array(shift, float) @ periodic
            if 1e-10 < np.linalg.norm(v) < cutoff:
                found.append((j, v))
    return found


def by_definition(atoms, d):
    """Return the features of all atoms: cosines for the polynomials, no recursion."""
    spin = dict(zip(d.species, SPINS[len(d.species)], strict=True))

    def terms(x, order):
        return np.cos(np.arange(order + 1) * np.arccos(np.clip(x, -1, 1)))

    def fade(distance, cutoff):
        return 0.5 * (np.cos(np.pi * distance / cutoff) + 1)

    rows = []
    for i in range(len(atoms)):
        radial, angular = (
            np.zeros((2, d.radial_order + 1)),
            np.zeros((2, d.angular_order + 1)),
        )
        near = []
        for j, v in neighbours(atoms, i, d.radial_cutoff):
            r, s = np.linalg.norm(v), spin[atoms.symbols[j]]
            phi = fade(r, d.radial_cutoff) * terms(
                2 * r / d.radial_cutoff - 1, d.radial_order
            )
            radial += np.outer([1, s], phi)
            if r < d.angular_cutoff:
                near.append((v / r, fade(r, d.angular_cutoff), s))
        for (u, f, s), (w, g, t) in itertools.combinations(near, 2):
            angular += np.outer([f * g, f * g * s * t], terms(u @ w, d.angular_order))
        halves = 1 if len(d.species) == 1 else 2
        rows.append(
            np.concatenate(
                [part[h] for h in range(halves) for part in (radial, angular)]
            )
        )
    return np.array(rows)


def cell(n, lattice, species=LPS, pbc=True, seed=0):
    """Return n atoms at random places no closer than 0.8 Å."""
    rng = np.random.default_rng(seed)
    while True:
        atoms = Atoms(
            rng.choice(species, n),
            scaled_positions=rng.random((n, 3)),
            cell=lattice,
            pbc=True,
        )
        distances = atoms.get_all_distances(mic=True) + 9 * np.eye(n)
        if distances.min() > 0.8:
            atoms.pbc = pbc
            return atoms


CUBE = 5 * np.eye(3)
CASES = {
    "one atom": Atoms("Li", cell=[3, 3, 3], pbc=True),
    "one atom, sheared": Atoms(
        "P", cell=[[3, 0, 0], [17.3, 3, 0], [-8.1, 11.7, 3]], pbc=True
    ),
    "thinner than the cutoff": cell(4, np.diag([2.5, 8, 7])),
    "strongly sheared": cell(6, [[5, 0, 0], [23, 5, 0], [-14, 31, 6]]),
    "left-handed": cell(6, [[0, 5, 0], [5, 0, 0], [0.4, 0.3, -6]]),
    "not periodic": cell(8, CUBE, pbc=False),
    "not periodic, far apart": Atoms("LiS", [[0, 0, 1e3], [0, 0, -1e3]]),
    "at the cutoff": Atoms("LiS", [[0, 0, 0], [0, 0, 6.0]]),
    "in one line": Atoms("LiSLi", [[0, 0, 0], [0, 0, 1.5], [0, 0, 2.9]]),
    "two of three elements": cell(6, CUBE, ("Li", "S")),
    **{
        f"periodic along {pbc}": cell(5, CUBE + 0.4, pbc=pbc)
        for pbc in itertools.product((False, True), repeat=3)
        if any(pbc) and not all(pbc)
    },
}


def outside(atoms):
    other = atoms.copy()
    shifts = np.random.default_rng(0).integers(-4, 5, (len(atoms), 3))
    other.positions += shifts @ atoms.cell.array
    return other


CASES["outside the cell"] = outside(cell(8, CUBE))
CASES["slab, atoms far above it"] = cell(5, CUBE, pbc=(True, True, False))
CASES["slab, atoms far above it"].positions[:, 2] += 30
CASES["slab, an atom flown away"] = cell(5, CUBE, pbc=(True, True, False))
CASES["slab, an atom flown away"].positions[2, 2] -= 1e7
CASES["wire, atoms flown away"] = cell(5, CUBE, pbc=(False, True, False))
CASES["wire, atoms flown away"].positions[:2, ::2] += 1e6
CASES["slab without a third vector"] = cell(5, CUBE, pbc=(True, True, False))
CASES["slab without a third vector"].cell[2] = 0


@pytest.mark.parametrize("name", CASES)
def test_all_shapes_of_structures(name):
    d = ChebyshevDescriptor(LPS)
    found, expected = d.features(CASES[name]), by_definition(CASES[name], d)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-10


@pytest.mark.parametrize(
    "species",
    [
        ("Li",),
        ("S", "Li"),
        ("S", "P", "Li"),
        ("Li", "P", "S", "O"),
        ("Cl", "O", "S", "P", "Li"),
    ],
)
@pytest.mark.parametrize(
    "setup", [(6, 18, 3, 4), (4.5, 30, 4.5, 12), (4, 0, 3.5, 0), (1.2, 5, 1, 2)]
)
def test_all_set_ups(species, setup):
    atoms = cell(7, CUBE, species)
    d = ChebyshevDescriptor(species, *setup)
    assert np.abs(d.features(atoms) - by_definition(atoms, d)).max() < 1e-10
