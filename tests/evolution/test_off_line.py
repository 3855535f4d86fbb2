"""Searches that leave the line: S is taken out, and P may bond to P."""

from __future__ import annotations

import numpy as np
import pytest
from ase.optimize import FIRE
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.analysis import MotifSettings, analyse_motifs
from lps_flows.chemistry import crystal
from lps_flows.evolution import EvolutionSettings, RemovalProblem, evolve
from lps_flows.evolution.structure_operators import join_formers
from lps_flows.potential import RelaxationResult

PROBLEM = RemovalProblem(crystal("Li7P3S11"), "1 S", 1)


def share_with_bond(structure) -> float:
    """Fraction of P in a P2S6 with its P-P bond."""
    return analyse_motifs(structure, MotifSettings()).fractions()["P2S6_PP"]


def bridges() -> list[int]:
    """Sites of S between two P."""
    parent = PROBLEM.parent
    near = parent.distance_matrix < 2.5
    phosphorus = PROBLEM.symbols == "P"
    return [int(s) for s in PROBLEM.sites["S"] if near[s][phosphorus].sum() == 2]


def test_problem_knows_that_it_leaves_the_line() -> None:
    assert PROBLEM.formula == "Li14P6S21"
    assert PROBLEM.leaves_line
    assert not RemovalProblem(crystal("Li7P3S11"), "Li2S", 1).leaves_line


def test_two_tetrahedra_without_their_bridge_are_joined() -> None:
    bridge = bridges()[0]
    apart = PROBLEM.build((bridge,))
    assert share_with_bond(apart) == 0
    bonded = join_formers(apart, ("P",), ("S",))
    assert share_with_bond(bonded) == pytest.approx(1 / 3)
    # units moved as they were: P-S bonds stay, and so does all else
    moved = np.abs(bonded.frac_coords - apart.frac_coords).max(axis=1) > 1e-9
    symbols = np.array([site.specie.symbol for site in apart])
    assert sorted(symbols[moved]) == ["P", "P"] + 6 * ["S"]
    first, second = np.flatnonzero(moved & (symbols == "P"))
    # twice the covalent radius of P
    assert bonded.get_distance(int(first), int(second)) == pytest.approx(2 * 1.07)


def test_the_closest_pair_is_joined_and_the_third_one_left() -> None:
    flat = 2.05 * np.array(
        [[0, np.cos(a), np.sin(a)] for a in np.radians([0, 120, 240])]
    )
    corners = (
        2.05 / np.sqrt(3) * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    )
    whole = np.array([10.0, 10.0, 10.0])
    places = [np.array([x, 0.0, 0.0]) for x in (1.0, 4.4, 8.0)]
    units = [[place, *(place + flat)] for place in places]
    cell = Structure(
        20 * np.eye(3),
        ["P", *4 * "S", *3 * ["P", "S", "S", "S"]],
        [whole, *(whole + corners), *(atom for unit in units for atom in unit)],
        coords_are_cartesian=True,
    )
    joined = join_formers(cell, ("P",), ("S",))
    moved = joined.cart_coords - cell.cart_coords
    moved -= 20 * np.round(moved / 20)
    # 3.4 Å becomes 2.14 Å, half of the way from each side
    expected = np.repeat([0.0, 0.63, -0.63, 0.0], [5, 4, 4, 4])
    assert moved[:, 0] == pytest.approx(expected)
    assert moved[:, 1:] == pytest.approx(0.0, abs=1e-9)


def test_nothing_lacks_a_ligand_in_the_crystal() -> None:
    assert join_formers(crystal("beta-Li3PS4"), ("P",), ("S",)) is None
    assert join_formers(crystal("Li2S"), ("P",), ("S",)) is None


def test_search_proposes_bonds_and_repeats_itself() -> None:
    def relax(structures):
        return [
            RelaxationResult(structure, -float(share_with_bond(structure)))
            for structure in structures
        ]

    settings = EvolutionSettings(population=10, generations=2, seed=3)
    last, again = (list(evolve(PROBLEM, relax, settings))[-1] for _ in range(2))
    assert share_with_bond(last.best.structure) == pytest.approx(1 / 3)
    assert last.best.structure == again.best.structure


@pytest.mark.slow
def test_chgnet_has_the_bond_lowest() -> None:
    """P2S7 less a bridging S is P2S6(4-): 0.2 eV below all other removals."""
    dynamics = pytest.importorskip("chgnet.model.dynamics")
    calculator = dynamics.CHGNetCalculator(use_device="cpu", verbose=False)

    def relax(structures):
        results = []
        for structure in structures:
            atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
            atoms.calc = calculator
            FIRE(atoms, logfile=None).run(fmax=0.1, steps=60)
            energy = float(atoms.get_potential_energy())
            results.append(
                RelaxationResult(AseAtomsAdaptor.get_structure(atoms), energy)
            )
        return results

    settings = EvolutionSettings(population=8, generations=1, seed=1)
    *_, last = evolve(PROBLEM, relax, settings)
    assert share_with_bond(last.best.structure) == pytest.approx(1 / 3)
