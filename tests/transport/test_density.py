from types import SimpleNamespace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.common import VolumetricData
from pymatgen.io.vasp import Chgcar

from lps_flows.analysis.density import (
    probability_density,
    smoothed,
    write_density,
)
from lps_flows.analysis.trajectory import EmptyTrajectoryError
from lps_flows.report.charts.density import density_chart

CELL = Structure(
    Lattice.from_parameters(6, 7, 8, 80, 95, 105),
    ["Li", "S"],
    [[0.25, 0.5, 0.5], [0, 0, 0]],
)


def cloud(n_frames=500, n_ions=1):
    rng = np.random.default_rng(0)
    centre = CELL.lattice.get_cartesian_coords([0.25, 0.5, 0.5])
    return centre + 0.3 * rng.normal(size=(n_frames, n_ions, 3))


@pytest.mark.parametrize("smearing", [0.0, 0.4])
def test_density_integrates_to_the_number_of_ions_and_peaks_at_the_site(smearing):
    density = probability_density(
        cloud(), CELL.lattice.matrix, spacing=0.4, smearing=smearing
    )
    voxel = CELL.volume / density.size
    assert density.sum() * voxel == pytest.approx(1.0)
    peak = np.array(np.unravel_index(density.argmax(), density.shape)) / density.shape
    assert peak == pytest.approx([0.25, 0.5, 0.5], abs=0.15)


@pytest.mark.parametrize(
    "lattice",
    [Lattice.hexagonal(12, 12), Lattice.from_parameters(12, 14, 16, 70, 80, 65)],
)
def test_smoothing_is_as_wide_in_all_directions(lattice):
    shape = np.ceil(np.array(lattice.abc) / 0.2).astype(int)
    point = np.zeros(shape)
    point[tuple(shape // 2)] = 1.0
    weights = smoothed(point, lattice, 1.0).ravel()
    assert weights.sum() == pytest.approx(1.0)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    away = lattice.get_cartesian_coords((grid / shape - 0.5).reshape(-1, 3))
    away -= weights @ away
    spread = np.linalg.eigvalsh((away * weights[:, None]).T @ away)
    assert np.sqrt(spread) == pytest.approx([1.0] * 3, abs=0.02)


def test_periodic_images_do_not_matter():
    shift = CELL.lattice.get_cartesian_coords([3, -2, 1])
    a = probability_density(cloud(), CELL.lattice.matrix)
    b = probability_density(cloud() + shift, CELL.lattice.matrix)
    assert np.abs(a - b).sum() < 1e-2 * a.sum()


def test_symmetry_is_imposed_on_request_only():
    cubic = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(5.7), ["Li", "S"], [[0.25] * 3, [0] * 3]
    )
    ion = cubic.cart_coords[[0]][None] + np.array([0.4, 0, 0])
    plain = probability_density(ion, cubic.lattice.matrix)
    symmetric = probability_density(ion, cubic.lattice.matrix, symmetrise=cubic)
    assert (plain > 0).sum() == 1
    assert (symmetric > 0).sum() > 8
    voxel = cubic.volume / plain.size
    assert symmetric.sum() * voxel == pytest.approx(plain.sum() * voxel)


def test_files_are_read_back(tmp_path):
    density = probability_density(cloud(), CELL.lattice.matrix, spacing=0.5)
    chgcar = Chgcar.from_file(write_density(tmp_path / "CHGCAR", CELL, density))
    assert chgcar.data["total"] / CELL.volume == pytest.approx(density, abs=1e-6)
    cube = VolumetricData.from_cube(write_density(tmp_path / "p.cube", CELL, density))
    assert cube.data["total"].shape == density.shape
    assert cube.structure.lattice.abc == pytest.approx(CELL.lattice.abc, abs=1e-3)
    # in a cube file cell and density are in atomic units: it integrates to one ion
    header = (tmp_path / "p.cube").read_text().splitlines()[3:6]
    voxel = np.linalg.det([[float(x) for x in line.split()[1:]] for line in header])
    assert cube.data["total"].sum() * abs(voxel) == pytest.approx(1.0, abs=1e-3)


def test_files_of_decorated_structures_are_written(tmp_path):
    density = probability_density(cloud(), CELL.lattice.matrix, spacing=0.5)
    charged = CELL.copy()
    charged.add_oxidation_state_by_element({"Li": 1, "S": -2})
    charged.add_site_property("velocities", [[0.0] * 3] * 2)
    for name in ("p.cube", "CHGCAR"):
        plain = write_density(tmp_path / name, CELL, density).read_text()
        assert write_density(tmp_path / name, charged, density).read_text() == plain


def test_no_ions_is_a_typed_error():
    with pytest.raises(EmptyTrajectoryError):
        probability_density(np.empty((5, 0, 3)), np.eye(3) * 5)


@pytest.mark.parametrize("place", [0.25, 0.0])
def test_ions_are_drawn_where_the_atoms_are(place: float) -> None:
    """The panels lay half a cell of the grid beside them."""
    cell = Structure(
        Lattice.orthorhombic(6, 6, 6), ["Li", "P"], [[place] * 3, [place] * 3]
    )
    where = np.full((9, 1, 3), 6 * place)
    density = probability_density(where, cell.lattice.matrix, spacing=0.5)
    run = SimpleNamespace(structure=cell, mobile="Li")
    panel, atom, *_ = density_chart(run, density).data
    assert panel.z.shape == (len(panel.y), len(panel.x))
    up, right = np.nonzero(panel.z == panel.z.max())
    assert set(panel.x[right]) == set(panel.y[up]) == {6 * place, *([6] * (not place))}
    assert (atom.x[0], atom.y[0]) == (6 * place, 6 * place)
