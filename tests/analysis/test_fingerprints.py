"""Invariance of the fingerprints and their similarity."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Structure
from pymatgen.core.operations import SymmOp
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.analysis import similarity, structure_fingerprint
from lps_flows.analysis.fingerprints import FingerprintError, moment_fingerprint
from lps_flows.chemistry import crystal


@pytest.mark.parametrize("element", ["Li", "P", None])
def test_invariances(element: str | None) -> None:
    base = crystal("Li7P3S11")
    reference = structure_fingerprint(base, element)
    rotated = base.copy()
    rotated.apply_operation(SymmOp.from_axis_angle_and_translation((1, 2, 3), 37))
    moved = base.copy()
    moved.translate_sites(range(len(moved)), [0.4, 0.7, 0.2])
    order = np.random.default_rng(0).permutation(len(base))
    permuted = Structure.from_sites([base[int(k)] for k in order])
    for other in (base * (2, 1, 1), rotated, moved, permuted):
        found = structure_fingerprint(other, element)
        assert found == pytest.approx(reference, rel=1e-9, abs=1e-9)


def test_ase_and_decorated_structures_are_read_alike() -> None:
    structure = crystal("beta-Li3PS4")
    expected = structure_fingerprint(structure)
    assert structure_fingerprint(AseAtomsAdaptor.get_atoms(structure)) == (
        pytest.approx(expected, abs=1e-10)
    )
    decorated = structure.copy()
    decorated.add_oxidation_state_by_element({"Li": 1, "P": 5, "S": -2})
    assert np.array_equal(structure_fingerprint(decorated), expected)


def test_length_is_moments_times_features() -> None:
    gamma = crystal("gamma-Li3PS4")
    assert structure_fingerprint(gamma).shape == (2 * 48,)
    assert structure_fingerprint(gamma, moments=3).shape == (3 * 48,)


def test_compositions_share_one_space() -> None:
    assert structure_fingerprint(crystal("Li2S")).shape == (96,)


def test_moments_by_hand() -> None:
    features = np.array([[1.0, 0.0], [3.0, 0.0], [2.0, 3.0]])
    expected = [2.0, 1.0, 2 / 3, 2.0, 0.0, (8 - 1 - 1) / 3]
    assert moment_fingerprint(features, 3) == pytest.approx(expected)


def test_element_chooses_its_atoms() -> None:
    gamma = crystal("gamma-Li3PS4")
    assert not np.allclose(
        structure_fingerprint(gamma, "Li"), structure_fingerprint(gamma, "P")
    )


def test_other_species_by_default_and_by_argument() -> None:
    sodium = crystal("Li2S").copy()
    sodium.replace_species({"Li": "Na"})
    assert structure_fingerprint(sodium, "Na").shape == (2 * 48,)
    assert structure_fingerprint(
        sodium, "Na", species=("Na", "P", "S")
    ) == pytest.approx(structure_fingerprint(crystal("Li2S"), "Li"))


def test_similarity_is_the_cosine() -> None:
    assert similarity(np.array([1.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(
        1 / np.sqrt(2)
    )
    assert similarity(np.array([1.0, 2.0]), np.array([-2.0, -4.0])) == pytest.approx(-1)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_similarity_does_not_depend_on_the_lengths(scale: float) -> None:
    one, two = np.array([1.0, 2.0, 0.5]), np.array([0.5, -1.0, 3.0])
    assert similarity(F1=scale * one, F2=scale * two) == pytest.approx(
        similarity(one, two)
    )


def test_bad_input_is_named() -> None:
    with pytest.raises(FingerprintError, match="no Li"):
        structure_fingerprint(crystal("P2S5"))
    with pytest.raises(FingerprintError, match="does not know"):
        structure_fingerprint(crystal("Li2S"), species=("Li", "P"))
    with pytest.raises(FingerprintError, match="different lengths"):
        similarity(np.ones(3), np.ones(4))
    with pytest.raises(FingerprintError, match="zero length"):
        similarity(np.zeros(3), np.ones(3))
