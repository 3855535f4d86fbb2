"""Ordered models of a crystal whose sites are partly occupied.

Formal charges on the sites, energies by Ewald summation (pymatgen): it knows no bonds
and no sizes, and only says which orderings are worth relaxing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from math import factorial, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pymatgen.core import Composition, DummySpecies, Structure

from lps_flows.chemistry.bare import bare_structure, implausible
from lps_flows.chemistry.cells import supercell_multiples
from lps_flows.chemistry.formula import full_formula
from lps_flows.foundation import FrozenSettings, LpsFlowsError

_FULL = 1 - 1e-4
_SAME_ENERGY = 1e-4
"""Orderings whose Ewald energies differ by less (eV) are images of each other."""
_NOTHING = ""


class OrderingError(LpsFlowsError):
    """A disordered crystal of which no ordered model can be made."""


class OrderSettings(FrozenSettings):
    """How sites that are partly occupied are filled.

    Examples
    --------
    >>> OrderSettings(n_lowest=5).target_atoms
    64
    """

    n_lowest: int = Field(
        3, ge=1, description="Orderings relaxed, those of the lowest Ewald energies."
    )
    target_atoms: int = Field(
        64, ge=1, description="Atoms of the cell that is ordered, about."
    )
    n_enumerated: int = Field(
        20_000, ge=1, description="Most orderings of which each is tried."
    )
    n_sampled: int = Field(
        200,
        ge=1,
        description="Where there are more: random ones, each followed downhill by "
        "exchanges of two sites.",
    )
    seed: int = Field(0, ge=0, description="Seed of the random ones.")


class Orderings(NamedTuple):
    """The distinct orderings of lowest Ewald energy.

    Attributes
    ----------
    structures
        Cells of the same sites and atoms, lowest first (Å).
    energies
        Their Ewald energies (eV/atom), up to a constant.
    n_tried
        Orderings whose Ewald energies were compared.
    complete
        Whether these were all there are.
    """

    structures: list[Structure]
    energies: list[float]
    n_tried: int
    complete: bool


class _Pool(NamedTuple):
    """Sites that the same elements share, and what is on them; "" is nothing."""

    sites: list[int]
    content: list[str]


def orderings(structure: Structure, settings: OrderSettings) -> Orderings:
    """Return ordered models of a disordered crystal, by Ewald energy.

    All sites that the same elements occupy in part are one pool: how many atoms it
    holds is that of the file, rounded for the whole supercell and then shared between
    the elements, and where they are is left to the energy, whatever the single
    occupancies say. Sites that the file fills stay full.

    Parameters
    ----------
    structure
        Crystal with sites that are partly occupied, or by several elements (Å).
    settings
        Size of the cell, and how many orderings are tried and kept.

    Raises
    ------
    OrderingError
        When nothing is disordered, no formal charges balance, or atoms of every
        ordering overlap.

    Examples
    --------
    >>> from pymatgen.core import Lattice
    >>> half = Structure(
    ...     Lattice.cubic(3), [{"Li": 0.5}, "F", {"Li": 0.5}],
    ...     [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.0]],
    ... )
    >>> found = orderings(half, OrderSettings(target_atoms=2))
    >>> found.structures[0].formula, found.n_tried, found.complete
    ('Li1 F1', 2, True)
    """
    sites_per_atom = len(structure) / structure.composition.num_atoms
    multiples = supercell_multiples(
        structure, max(1, round(settings.target_atoms * sites_per_atom))
    )
    cell = bare_structure(structure) * multiples
    pools = _pools(cell)
    on_site = [site.species.elements[0].symbol for site in cell]
    for pool in pools:
        for site, symbol in zip(pool.sites, pool.content, strict=True):
            on_site[site] = symbol
    charges = _charges([symbol for symbol in on_site if symbol], structure)
    potentials = _potentials(cell)
    n_possible = prod(_arrangements(pool) for pool in pools)
    complete = n_possible <= settings.n_enumerated
    tried = (
        _every(pools, on_site)
        if complete
        else _downhill(pools, on_site, charges, potentials, settings)
    )
    contents = list(tried)
    amounts = np.array([[charges[s] for s in content] for content in contents])
    energies = np.einsum("ni,ij,nj->n", amounts, potentials, amounts, optimize=True)
    order = np.argsort(energies, kind="stable")
    new = np.diff(energies[order], prepend=-np.inf) > _SAME_ENERGY
    sound = (
        (float(energies[k]) / len(filled), filled)
        for k in order[new]
        if implausible(filled := _filled(cell, contents[k])) is None
    )
    lowest = list(islice(sound, settings.n_lowest))
    if not lowest:
        raise OrderingError(
            "in every ordering atoms overlap",
            field="order",
            value=full_formula(structure),
            remedy="Compare sites and occupancies with the source",
        )
    per_atom, structures = map(list, zip(*lowest, strict=True))
    return Orderings(structures, per_atom, len(contents), complete)


def _pools(cell: Structure) -> list[_Pool]:
    shared: dict[tuple[str, ...], list[int]] = {}
    for k, site in enumerate(cell):
        symbols = tuple(sorted(element.symbol for element in site.species))
        if len(symbols) > 1 or site.species.num_atoms < _FULL:
            shared.setdefault(symbols, []).append(k)
    if not shared:
        raise OrderingError(
            "every site is fully occupied by one element",
            field="order",
            value=full_formula(cell),
            remedy="Leave out `order`: there is nothing to order",
        )
    return [
        _Pool(sites, _content([cell[k].species for k in sites], symbols))
        for symbols, sites in shared.items()
    ]


def _content(occupants: list[Composition], symbols: tuple[str, ...]) -> list[str]:
    """Return as many symbols as sites: whole atoms nearest to the occupancies.

    The number of all atoms comes first. Each element rounded alone, half a S and half
    a Se would leave a full site empty.
    """
    full = all(species.num_atoms >= _FULL for species in occupants)
    amounts = np.array([sum(species[el] for species in occupants) for el in symbols])
    n_atoms = len(occupants) if full else round(amounts.sum())
    exact = np.round(amounts * n_atoms / amounts.sum(), 6)
    numbers = np.floor(exact).astype(int)
    largest = np.argsort(numbers - exact, kind="stable")
    numbers[largest[: n_atoms - numbers.sum()]] += 1
    content = np.repeat(symbols, numbers).tolist()
    return content + [_NOTHING] * (len(occupants) - n_atoms)


def _charges(symbols: list[str], structure: Structure) -> dict[str, float]:
    """Return formal charges that balance; that of nothing is zero."""
    composition = Composition("".join(symbols)).reduced_composition
    guesses = composition.oxi_state_guesses()
    if not guesses:
        raise OrderingError(
            f"no formal charges balance in {composition.formula.replace(' ', '')}",
            field="order.target_atoms",
            value=full_formula(structure),
            remedy="Choose a size at which the occupancies make whole numbers of atoms",
        )
    return {_NOTHING: 0.0, **guesses[0]}


def _potentials(cell: Structure) -> NDArray[np.float64]:
    """Return the energy matrix of unit charges on all sites (eV)."""
    unit = Structure(cell.lattice, [DummySpecies("X", 1)] * len(cell), cell.frac_coords)
    from pymatgen.analysis.ewald import EwaldSummation

    return np.asarray(EwaldSummation(unit).total_energy_matrix)


def _arrangements(pool: _Pool) -> int:
    repeats = (pool.content.count(symbol) for symbol in set(pool.content))
    return factorial(len(pool.content)) // prod(map(factorial, repeats))


def _every(pools: list[_Pool], on_site: list[str]) -> Iterator[list[str]]:
    from sympy.utilities.iterables import multiset_permutations

    for contents in product(*(multiset_permutations(pool.content) for pool in pools)):
        filled = on_site.copy()
        for pool, content in zip(pools, contents, strict=True):
            for site, symbol in zip(pool.sites, content, strict=True):
                filled[site] = symbol
        yield filled


def _downhill(
    pools: list[_Pool],
    on_site: list[str],
    charges: dict[str, float],
    potentials: NDArray[np.float64],
    settings: OrderSettings,
) -> Iterator[list[str]]:
    rng = np.random.default_rng(settings.seed)
    same_pool = np.zeros(potentials.shape, dtype=bool)
    for pool in pools:
        same_pool[np.ix_(pool.sites, pool.sites)] = True
    own = np.diag(potentials)
    mutual = own[:, None] + own[None, :] - 2 * potentials
    for _ in range(settings.n_sampled):
        filled = on_site.copy()
        for pool in pools:
            for site, k in zip(
                pool.sites, rng.permutation(len(pool.sites)), strict=True
            ):
                filled[site] = pool.content[k]
        amounts = np.array([charges[symbol] for symbol in filled])
        while True:
            field = potentials @ amounts
            moved = amounts[None, :] - amounts[:, None]
            change = 2 * moved * (field[:, None] - field[None, :]) + moved**2 * mutual
            change[~same_pool] = 0.0
            first, second = np.unravel_index(change.argmin(), change.shape)
            if change[first, second] > -_SAME_ENERGY:
                break
            filled[first], filled[second] = filled[second], filled[first]
            amounts[[first, second]] = amounts[[second, first]]
        yield filled


def _filled(cell: Structure, content: list[str]) -> Structure:
    there = [k for k, symbol in enumerate(content) if symbol]
    return Structure(
        cell.lattice, [content[k] for k in there], cell.frac_coords[there]
    ).get_sorted_structure()
