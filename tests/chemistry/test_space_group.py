"""Cells from their space groups, against pymatgen's own."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from lps_flows.chemistry import crystals
from lps_flows.chemistry.space_group import from_space_group, operations


@pytest.mark.parametrize(
    "entry",
    [entry for entry in crystals() if not entry.disordered],
    ids=lambda e: e.key,
)
def test_the_library_is_built_as_pymatgen_builds_it_atom_by_atom(entry) -> None:
    given = (
        entry.space_group_number,
        Lattice.from_parameters(*entry.lattice),
        [site.element for site in entry.sites],
        [site.xyz for site in entry.sites],
    )
    ours = from_space_group(*given, tolerance=1e-3)
    theirs = Structure.from_spacegroup(*given, tol=1e-3)
    assert ours.species == theirs.species
    np.testing.assert_array_equal(ours.frac_coords, theirs.frac_coords)


@pytest.mark.parametrize(
    ("number", "order"), [(1, 1), (14, 4), (62, 8), (166, 36), (194, 24), (225, 192)]
)
def test_a_group_has_so_many_operations(number: int, order: int) -> None:
    assert operations(number).shape == (order, 4, 4)


def test_a_lattice_of_another_group_is_refused() -> None:
    with pytest.raises(ValueError, match="225"):
        from_space_group(225, Lattice.tetragonal(5, 6), ["Li"], [[0, 0, 0]], 1e-3)
