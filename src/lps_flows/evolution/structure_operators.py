"""Operators on relaxed structures: splice, permute, strain and rattle."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import element_symbols

# Random points tried when a mobile atom looks for a void.
_VOID_TRIALS = 400
# Bonds P-S and P-P are shorter (Å): the cutoff of the motifs.
_LONGEST_BOND = 2.55
_NOWHERE = np.empty((0, 3))
# Contacts closer than this times the sum of covalent radii are given up.
_CROWDED = 0.85
# Nearest ligands of which one is brought to an under-coordinated former.
_LIGANDS_TRIED = 4
# Atoms closer than this times the sum of their covalent radii are bonded.
_BONDED = 1.25
# Formers further apart than this (Å) are not joined.
_REACH = 5.0


def radii_of(symbols: np.ndarray) -> np.ndarray:
    """Return covalent radii (Å)."""
    return np.array([covalent_radii[atomic_numbers[s]] for s in symbols])


def relative_contacts(
    lattice: Lattice,
    points: np.ndarray,
    radius: float | np.ndarray,
    others: np.ndarray,
    other_radii: np.ndarray,
) -> np.ndarray:
    """Distances between points and atoms over the sums of their covalent radii, (n, m).

    `points` and `others` are fractional, (n, 3) and (m, 3); `radius` is (n) or one and
    `other_radii` (m) (Å); the cell is large enough for the nearest image to be the
    rounded one.
    """
    difference = points[:, None, :] - others[None, :, :]
    difference -= np.round(difference)
    distance = np.linalg.norm(difference @ lattice.matrix, axis=2)
    return distance / (np.broadcast_to(radius, len(points))[:, None] + other_radii)


def splice(
    first: Structure,
    second: Structure,
    counts: dict[str, int],
    inside_first: np.ndarray,
    inside_second: np.ndarray,
) -> Structure:
    """Join a region of one structure and the rest of another.

    The parents, of equal composition and in like cells, say which of their atoms lie
    `inside` the first one's region; `counts` are the atoms of each element the child
    must have. It gets the mean cell. Surplus atoms go where they are most crowded,
    missing ones come from the parents' unused atoms, least crowded first.
    """
    weight = float(inside_first.mean())
    lattice = Lattice(
        weight * first.lattice.matrix + (1.0 - weight) * second.lattice.matrix
    )
    symbols = np.concatenate([element_symbols(first), element_symbols(second)])
    coordinates = np.concatenate([first.frac_coords, second.frac_coords])
    used = np.concatenate([inside_first, ~inside_second])
    radii = radii_of(symbols)
    contacts = relative_contacts(lattice, coordinates, radii, coordinates, radii)
    np.fill_diagonal(contacts, np.inf)
    for element, count in sorted(counts.items()):
        same = symbols == element
        while (surplus := int((used & same).sum()) - count) > 0:
            members = np.flatnonzero(used & same)
            nearest = contacts[np.ix_(members, np.flatnonzero(used))].min(axis=1)
            # Of a crowded pair either may go; the order of atoms decides.
            used[members[np.argsort(nearest, kind="stable")[:1]]] = False
        for _ in range(-surplus):
            spare = np.flatnonzero(~used & same)
            nearest = contacts[np.ix_(spare, np.flatnonzero(used))].min(axis=1)
            used[spare[int(nearest.argmax())]] = True
    return Structure(lattice, symbols[used].tolist(), coordinates[used])


def permute(
    structure: Structure,
    element: str,
    vacant: np.ndarray,
    n_moved: int,
    rng: np.random.Generator,
) -> Structure:
    """Move `n_moved` atoms of an element to vacant sites or voids between the others.

    `vacant` are (n, 3) fractional coordinates of sites to try beside random points.
    """
    symbols = element_symbols(structure)
    radii = radii_of(symbols)
    coordinates = structure.frac_coords.copy()
    mobile = np.flatnonzero(symbols == element)
    moved = rng.choice(mobile, min(n_moved, len(mobile)), replace=False)
    _to_voids(structure.lattice, coordinates, radii, moved, rng=rng, vacant=vacant)
    return Structure(structure.lattice, symbols.tolist(), coordinates)


def _to_voids(
    lattice: Lattice,
    coordinates: np.ndarray,
    radii: np.ndarray,
    atoms: np.ndarray,
    *,
    rng: np.random.Generator,
    vacant: np.ndarray = _NOWHERE,
) -> None:
    """Move atoms, one after the other, to where there is room (in place)."""
    for atom in atoms:
        trials = np.concatenate([vacant, rng.random((_VOID_TRIALS, 3))])
        others = np.arange(len(radii)) != atom
        contacts = relative_contacts(
            lattice, trials, radii[atom], coordinates[others], radii[others]
        ).min(axis=1)
        # One of the ten roomiest places, not always the roomiest.
        best = np.argsort(-contacts, kind="stable")[:10]
        coordinates[atom] = trials[int(rng.choice(best))]


def condense(
    structure: Structure,
    formers: tuple[str, ...],
    ligands: tuple[str, ...],
    rng: np.random.Generator,
) -> Structure | None:
    """Give an under-coordinated former a ligand nearby, where its own leave room.

    A free ligand moves to the former's open side. For one that another former holds,
    the former moves to a bond's length from it and turns its open side to it, and the
    ligands of its own go with it. Mobile atoms that are then in the way move to voids.
    None when every former has four neighbours.
    """
    symbols = element_symbols(structure)
    former = np.flatnonzero(np.isin(symbols, formers))
    ligand = np.flatnonzero(np.isin(symbols, ligands))
    coordinates, matrix = structure.cart_coords.copy(), structure.lattice.matrix

    def vectors(others: np.ndarray) -> np.ndarray:
        gap = coordinates[others][None] - coordinates[former][:, None]
        gap = gap @ np.linalg.inv(matrix)
        return np.asarray((gap - np.round(gap)) @ matrix)

    between = vectors(ligand)
    distances = np.linalg.norm(between, axis=2)
    bonded = distances < _LONGEST_BOND
    near = np.linalg.norm(vectors(former), axis=2) < _LONGEST_BOND
    short = np.flatnonzero(bonded.sum(axis=1) + near.sum(axis=1) - 1 < 4)
    if not len(short):
        return None
    p = rng.choice(short)
    away = np.where(bonded[p], np.inf, distances[p])
    s = rng.choice(np.argsort(away, kind="stable")[:_LIGANDS_TRIED])
    if not np.isfinite(away[s]):
        return None
    towards = between[p, s] / away[s]
    held = between[p, bonded[p]] / distances[p, bonded[p], None]
    opening = -held.sum(axis=0) if len(held) else towards
    opening /= max(np.linalg.norm(opening), 1e-6)
    bond = radii_of(symbols[[former[p], ligand[s]]]).sum()
    if bonded[:, s].any():
        own = bonded[p] & (bonded.sum(axis=0) == 1)
        # slow to import, and plans need none of it
        from scipy.spatial.transform import Rotation

        turn = Rotation.align_vectors(towards[None], opening[None])[0]
        coordinates[former[p]] += (away[s] - bond) * towards
        coordinates[ligand[own]] = coordinates[former[p]] + turn.apply(between[p, own])
    else:
        coordinates[ligand[s]] = coordinates[former[p]] + bond * opening
    coordinates = coordinates @ np.linalg.inv(matrix)
    radii, framework = radii_of(symbols), np.concatenate([former, ligand])
    mobile = np.setdiff1d(np.arange(len(symbols)), framework)
    contacts = relative_contacts(
        structure.lattice,
        coordinates[mobile],
        radii[mobile],
        coordinates[framework],
        radii[framework],
    )
    crowded = mobile[(contacts < _CROWDED).any(axis=1)]
    _to_voids(structure.lattice, coordinates, radii, crowded, rng=rng)
    return Structure(structure.lattice, symbols.tolist(), coordinates)


def strain(structure: Structure, size: float, rng: np.random.Generator) -> Structure:
    """Strain the cell by a random symmetric strain and shake the atoms a little.

    `size` is the standard deviation of the strain's components.
    """
    components = rng.normal(scale=size, size=(3, 3))
    deformation = np.eye(3) + 0.5 * (components + components.T)
    strained = Structure(
        Lattice(structure.lattice.matrix @ deformation),
        structure.species_and_occu,
        structure.frac_coords,
    )
    return rattle(strained, 0.1, rng, everywhere=True)


def rattle(
    structure: Structure,
    size: float,
    rng: np.random.Generator,
    everywhere: bool = False,
) -> Structure:
    """Displace the atoms around a random one, within about half the cell, or all.

    `size` is the standard deviation of the displacements (Å).
    """
    shift = rng.normal(scale=size, size=(len(structure), 3))
    if not everywhere:
        centre = structure.frac_coords[rng.integers(len(structure))]
        difference = structure.frac_coords - centre
        difference -= np.round(difference)
        distance = np.linalg.norm(difference @ structure.lattice.matrix, axis=1)
        shift[distance > 0.4 * structure.volume ** (1 / 3)] = 0.0
    return Structure(
        structure.lattice,
        structure.species_and_occu,
        structure.cart_coords + shift,
        coords_are_cartesian=True,
    )


def join_formers(
    structure: Structure, formers: Sequence[str], ligands: Sequence[str]
) -> Structure | None:
    """Bring formers that lack a ligand to a bond, each with the ligands of its own.

    What removing ligands leaves: two PS3 become P2S6 with its P-P bond. No relaxation
    finds it when the two are a bridge apart. The closest pairs go first; None is
    returned when there is none.
    """
    symbols = element_symbols(structure)
    radii = radii_of(symbols)
    former = np.flatnonzero(np.isin(symbols, formers))
    ligand = np.flatnonzero(np.isin(symbols, ligands))
    if len(former) < 2:
        return None
    contacts = relative_contacts(
        structure.lattice,
        structure.frac_coords[former],
        radii[former],
        structure.frac_coords[ligand],
        radii[ligand],
    )
    bonded = contacts < _BONDED
    own = bonded & (bonded.sum(axis=0) == 1)
    lacking = np.flatnonzero(bonded.sum(axis=1) < bonded.sum(axis=1).max())
    distances = structure.distance_matrix[np.ix_(former[lacking], former[lacking])]
    coordinates, joined = structure.frac_coords.copy(), set[int]()
    for i, j in sorted(
        combinations(range(len(lacking)), 2), key=lambda pair: distances[pair]
    ):
        if distances[i, j] > _REACH or {i, j} & joined:
            continue
        joined |= {i, j}
        first, second = former[lacking[i]], former[lacking[j]]
        apart = coordinates[second] - coordinates[first]
        apart -= np.round(apart)
        step = 0.5 * (1 - (radii[first] + radii[second]) / distances[i, j]) * apart
        for k, moved in ((i, step), (j, -step)):
            unit = [former[lacking[k]], *ligand[own[lacking[k]]]]
            coordinates[unit] += moved
    if not joined:
        return None
    return Structure(structure.lattice, structure.species_and_occu, coordinates)
