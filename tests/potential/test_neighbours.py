"""The neighbour search against counting all images by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell

from lps_flows.potential import ChebyshevDescriptor
from lps_flows.potential.geometry import Species
from lps_flows.potential.pairs import SkinPairs, find_pairs
from tests.potential.toy import random_structure


def by_hand(atoms, cutoff):
    """Return the sorted distances of every atom's neighbours, from all images."""
    cell, pbc = atoms.cell.array, atoms.pbc
    reach = [0, 0, 0]
    if pbc.any():
        full = atoms.cell.complete().array
        heights = 1 / np.linalg.norm(np.linalg.inv(full), axis=0)
        spread = np.ptp(np.linalg.solve(full.T, atoms.positions.T), axis=1)
        reach = [
            int(np.ceil(cutoff / h + s)) + 1 if p else 0
            for h, s, p in zip(heights, spread, pbc, strict=True)
        ]
    shifts = np.array(list(itertools.product(*(range(-r, r + 1) for r in reach))))
    found = []
    for a in atoms.positions:
        d = np.linalg.norm(
            atoms.positions[:, None] + (shifts @ cell)[None] - a, axis=2
        ).ravel()
        found.append(np.sort(d[(d < cutoff) & (d > 1e-9)]))
    return found


def check(atoms, cutoff=6.0):
    species = Species(sorted(set(atoms.get_chemical_symbols())))
    batch = species.batch([atoms])
    pairs = find_pairs(batch, cutoff)
    distances = np.linalg.norm(pairs.vectors, axis=1)
    for k, expected in enumerate(by_hand(atoms, cutoff)):
        mine = np.sort(distances[pairs.first[k] : pairs.first[k + 1]])
        assert len(mine) == len(expected)
        assert np.allclose(mine, expected, atol=1e-10)


CELLS = {
    "primitive, one atom": bulk("Li", "bcc", a=3.4),
    "needle": Atoms("LiS", [[0, 0, 0], [0.9, 0.9, 9]], cell=[1.9, 2.1, 20], pbc=True),
    "plate": Atoms("LiS", [[0, 0, 0], [7, 9, 0.9]], cell=[14, 15, 1.8], pbc=True),
    "strongly sheared": Atoms(
        "LiPS",
        [[0, 0, 0], [1.5, 1, 1], [3, 2.5, 2]],
        cell=[[4, 0, 0], [11, 4, 0], [-9, 13, 4]],
        pbc=True,
    ),
    "left-handed": Atoms(
        "LiS", [[0, 0, 0], [1, 2, 2]], cell=[[0, 4, 0], [5, 0, 0], [0, 0, 6]], pbc=True
    ),
    "far outside": Atoms(
        "LiPS", [[101, -55, 7], [0, 0, 0], [-33, 44, 99]], cell=[5, 6, 7], pbc=True
    ),
    "isolated": Atoms("LiPS", [[0, 0, 0], [2, 1, 1], [40, 0, 0]]),
    "one isolated atom": Atoms("Li", [[3, 2, 1]]),
    "in a row": Atoms("LiPS", [[0, 0, 0], [2, 0, 0], [4, 0, 0]]),
    "slab": Atoms(
        "LiPS",
        [[0, 0, 0], [1, 1, 4], [2, 2, -3]],
        cell=[4, 5, 30],
        pbc=[True, True, False],
    ),
    "wire without other cell vectors": Atoms(
        "LiS",
        [[0, 0, 0], [1, 1, 1]],
        cell=[[0, 0, 0], [0, 3.5, 0], [0, 0, 0]],
        pbc=[False, True, False],
    ),
    "at the corners": Atoms(
        "LiPS", [[0, 0, 0], [5, 5, 5], [2.5, 0, 5]], cell=[5, 5, 5], pbc=True
    )[[0, 2]],
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("cutoff", [2.5, 6.0, 9.3])
def test_all_kinds_of_cells(name, cutoff):
    check(CELLS[name], cutoff)


@pytest.mark.parametrize("seed", range(8))
def test_random_cells(seed):
    check(random_structure(seed, n=3 + 4 * seed, length=3.5 + seed, shear=0.5))


def test_more_neighbours_than_the_first_guess():
    check(Atoms("Li4", np.eye(4, 3) * 0.6, cell=[1.3, 1.3, 1.3], pbc=True), 6.0)


def test_atoms_at_the_cutoff_count_nothing():
    """Neighbours exactly at the cutoff add zero, whichever way rounding goes."""
    atoms = bulk("Li", "sc", a=3.0)
    d = ChebyshevDescriptor(["Li"], radial_cutoff=6.0, angular_cutoff=3.0)
    inside = ChebyshevDescriptor(["Li"], radial_cutoff=6.0, angular_cutoff=2.9)
    assert np.allclose(d.features(atoms)[:, 19:], 0)
    assert np.allclose(d.features(atoms), inside.features(atoms))


def test_ranges_of_atoms_give_the_same_lists():
    atoms = random_structure(3, n=30, length=9)
    batch = Species(("Li", "P", "S")).batch([atoms, atoms])
    lists = SkinPairs(6.0, 0.0)
    lists.update(batch, range(2), threads=2)
    whole = lists.pairs(batch, 0, 60)
    part = lists.pairs(batch, 20, 45)
    span = slice(whole.first[20], whole.first[45])
    assert np.array_equal(part.neighbour, whole.neighbour[span])
    assert np.array_equal(part.vectors, whole.vectors[span])


def test_large_supercell_repeats_the_small_cell():
    atoms = random_structure(1, n=10)
    big = make_supercell(atoms, np.diag([3, 4, 2]))
    d = ChebyshevDescriptor(["Li", "P", "S"])
    assert np.allclose(np.tile(d.features(atoms), (24, 1)), d.features(big), atol=1e-10)


def test_threads_find_the_same_list():
    atoms = bulk("Li", "bcc", a=3.4, cubic=True) * (9, 8, 8)
    atoms.rattle(0.2, seed=0)
    batch = Species(["Li"]).batch([atoms])
    lists = []
    for threads in (1, 3):
        lists.append(SkinPairs(4.0, 0.5))
        lists[-1].update(batch, [0], threads)
    one, three = (kept.joined for kept in lists)
    for name in ("first", "neighbour", "shift"):
        assert np.array_equal(getattr(one, name), getattr(three, name))
