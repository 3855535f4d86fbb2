"""What the potential refuses, and what it says."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from pymatgen.core import Lattice, Molecule, Structure

from lps_flows.foundation import LpsFlowsError
from lps_flows.potential import (
    ChebyshevDescriptor,
    DescriptorError,
    DescriptorSettings,
    OverlappingAtomsError,
    PotentialError,
    StructureError,
    UnknownElementError,
)
from tests.potential.toy import random_potential, random_structure

POTENTIAL = random_potential(minimum_distance=0.5)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"angular_cutoff": 6.1}, "angular_cutoff"),
        ({"radial_cutoff": 2.9}, "angular_cutoff"),
        ({"radial_cutoff": -1.0}, "radial_cutoff"),
        ({"radial_cutoff": np.inf}, "radial_cutoff"),
        ({"angular_cutoff": 0.0}, "angular_cutoff"),
        ({"radial_order": -1}, "radial_order"),
        ({"angular_order": 1.5}, "angular_order"),
        ({"angular_order": np.inf}, "angular_order"),
        ({"radial_order": np.nan}, "radial_order"),
        ({"species": []}, "species"),
        ({"species": ["Li", "Li"]}, "species"),
        ({"species": ["Li", "Xx"]}, "species"),
        ({"species": ["X"]}, "species"),
    ],
)
def test_impossible_descriptors(change, field):
    with pytest.raises(DescriptorError) as caught:
        ChebyshevDescriptor(**{"species": ["Li", "P", "S"], **change})
    assert caught.value.field == field


def test_equal_cutoffs_are_allowed():
    d = ChebyshevDescriptor(["Li"], radial_cutoff=4.0, angular_cutoff=4.0)
    assert d.n_features == 24
    settings = DescriptorSettings(radial_cutoff=4.0, angular_cutoff=4.0)
    assert settings.descriptor(["Li"]) == d


def test_spins():
    def spins(n):
        return ChebyshevDescriptor(["Li", "P", "S", "O", "F"][:n]).spins.tolist()

    assert [spins(n) for n in range(1, 6)] == [
        [0],
        [-1, 1],
        [-1, 0, 1],
        [-2, -1, 1, 2],
        [-2, -1, 0, 1, 2],
    ]


def test_unknown_element():
    atoms = random_structure(1, species=("Li", "O", "Cl"), n=20)
    with pytest.raises(UnknownElementError, match="Cl, O") as caught:
        POTENTIAL.evaluate([random_structure(), atoms])
    assert caught.value.field == "structures[1]"
    assert "Li, P, S" in caught.value.remedy
    with pytest.raises(UnknownElementError):
        POTENTIAL.descriptor.features(atoms)


@pytest.mark.parametrize("distance", [0.0, 1e-12, 0.01, 0.3, 0.49])
def test_overlapping_atoms(distance):
    good = random_structure()
    bad = Atoms("LiS", [[0, 0, 0], [distance, 0, 0]], cell=[9, 9, 9], pbc=True)
    with pytest.raises(OverlappingAtomsError) as caught:
        POTENTIAL.evaluate([good, bad, good, bad])
    assert caught.value.structures == (1, 3)
    assert caught.value.field == "structures[1]"
    with pytest.raises(OverlappingAtomsError):
        POTENTIAL.descriptor.features(bad)
    with pytest.raises(OverlappingAtomsError):
        POTENTIAL.evaluator(skin=0.5).evaluate(bad)


def test_images_may_overlap_too():
    bad = Atoms("LiS", [[0, 0, 0], [8.9, 0, 0]], cell=[9, 9, 9], pbc=True)
    with pytest.raises(OverlappingAtomsError):
        POTENTIAL.evaluate(bad)
    bad.pbc = False
    POTENTIAL.evaluate(bad)


def test_a_flat_cell_whose_vectors_are_long_is_no_overlap():
    """Its layers are 0.4 Å apart, and the atoms of the next ones far to the side."""
    cell = np.array([[20.0, 0, 0], [0, 20.0, 0], [7.3, 9.1, 0.4]])
    single = Atoms("Li", [[0, 0, 0]], cell=cell, pbc=True)
    assert np.isfinite(POTENTIAL.evaluate(single).energy)


def test_a_lower_minimum_lets_close_atoms_pass():
    close = Atoms("LiS", [[0, 0, 0], [0.3, 0, 0]])
    found = random_potential(minimum_distance=0.2).evaluate(close)
    assert np.isfinite(found.energy)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_positions_that_are_not_finite(value):
    atoms = random_structure()
    atoms.positions[4, 1] = value
    with pytest.raises(StructureError, match="not finite") as caught:
        POTENTIAL.evaluate(atoms)
    assert caught.value.value == 4


def test_atoms_beyond_all_reach():
    atoms = random_structure()
    atoms.positions[3] += 1e9 * atoms.cell.array[0]
    with pytest.raises(StructureError, match="farther than") as caught:
        POTENTIAL.evaluate(atoms)
    assert caught.value.value == 3


@pytest.mark.parametrize(
    "cell",
    [
        0.01 * np.eye(3),
        np.diag([1e-3, 1e-3, 1e6]),
        [[0.6, 0, 0], [0.59, 0.01, 0], [0.3, 0.3, 0.01]],
    ],
)
def test_cells_that_shrank_to_nothing(cell):
    """Refused before their billions of images are listed."""
    with pytest.raises(OverlappingAtomsError):
        POTENTIAL.evaluate(Atoms("Li", cell=cell, pbc=True))


def test_cells_without_volume():
    atoms = Atoms("Li", cell=[[3, 0, 0], [6, 0, 0], [0, 0, 3]], pbc=True)
    with pytest.raises(StructureError, match="no volume"):
        POTENTIAL.evaluate(atoms)
    with pytest.raises(StructureError, match="no volume"):
        POTENTIAL.evaluate(Atoms("Li", cell=[3, 3, np.nan], pbc=True))
    with pytest.raises(StructureError, match="no volume"):
        POTENTIAL.evaluate(Atoms("Li", pbc=True))


def test_nothing_to_evaluate():
    with pytest.raises(StructureError, match="no atoms"):
        POTENTIAL.evaluate(Atoms())
    with pytest.raises(StructureError, match="no structure"):
        POTENTIAL.evaluate([])
    with pytest.raises(StructureError, match="not a structure"):
        POTENTIAL.evaluate(["Li3PS4.cif"])


def test_disordered_structures():
    disordered = Structure(
        Lattice.cubic(4), [{"Li": 0.5, "P": 0.5}, "S"], [[0, 0, 0], [0.5] * 3]
    )
    with pytest.raises(StructureError, match="disordered"):
        POTENTIAL.evaluate(disordered)


def test_pymatgen_and_ase_agree():
    plain = Structure(
        Lattice.from_parameters(5, 6, 7, 80, 95, 100),
        ["Li", "P", "S"],
        [[0, 0, 0], [0.4, 0.5, 0.5], [0.1, 0.5, 1.9]],
    )
    charged = plain.copy()
    charged.add_oxidation_state_by_element({"Li": 1, "P": 5, "S": -2})
    atoms = plain.to_ase_atoms()
    found = POTENTIAL.evaluate([plain, charged, atoms])
    assert found[0].energy == found[1].energy
    assert found[0].energy == pytest.approx(found[2].energy, abs=1e-12)
    molecule = Molecule(["Li", "S"], [[0, 0, 0], [1, 1, 2]])
    alone = POTENTIAL.evaluate(molecule)
    assert alone.stress is None
    assert alone.energy == POTENTIAL.evaluate(Atoms("LiS", molecule.cart_coords)).energy


def test_unknown_options():
    with pytest.raises(PotentialError, match="precision"):
        POTENTIAL.to(dtype="float16")
    with pytest.raises(PotentialError, match="device"):
        POTENTIAL.to(device="tpu")
    with pytest.raises(PotentialError, match="skin"):
        POTENTIAL.evaluator(skin=-1)


def test_every_error_is_one_of_ours():
    assert issubclass(PotentialError, LpsFlowsError)
    for kind in PotentialError.__subclasses__():
        assert kind.__doc__
