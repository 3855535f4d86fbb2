import numpy as np
import pytest
from monty.json import MontyDecoder
from pydantic import ValidationError

from lps_flows.chemistry import (
    CompositionLine,
    closest_contact,
    crystal,
    full_formula,
    supercell_near,
)
from lps_flows.engines import EngineError
from lps_flows.jobs.dataset import evenly_spaced, held_temperature
from lps_flows.jobs.dataset_settings import DatasetError, DatasetSettings
from lps_flows.jobs.perturbation import (
    md_starts,
    rattled_structures,
    removed_structures,
    squeezed_structures,
    strained_structures,
)

SETTINGS = DatasetSettings(target_atoms=64, n_rattled=4, n_strained=5)
PARENT = "gamma-Li3PS4"


def test_settings_of_jobs_stored_before_are_found_where_they_were():
    """They lay in the module of the functions that follow them."""
    stored = {"@module": "lps_flows.jobs.perturbation", "@class": "DatasetSettings"}
    stored |= SETTINGS.model_dump(mode="json")
    assert MontyDecoder().process_decoded(stored) == SETTINGS


@pytest.fixture(scope="module")
def cell():
    return crystal(PARENT)


def test_strains_stay_within_their_limit_and_keep_fractions(cell):
    made = strained_structures(cell, PARENT, SETTINGS)
    assert len(made) == len(SETTINGS.isotropic_strains) + 5
    changes = [
        np.array(entry.structure.lattice.abc) / cell.lattice.abc - 1 for entry in made
    ]
    assert np.abs(changes).max() <= 0.15 + 1e-9
    assert np.ptp(changes, axis=1).max() > 0.01
    for entry in made:
        assert np.allclose(entry.structure.frac_coords, cell.frac_coords)
        assert np.allclose(entry.structure.lattice.angles, cell.lattice.angles)
    assert np.allclose(changes[0], SETTINGS.isotropic_strains[0])


def test_strains_stretch_the_vectors_of_a_skewed_cell():
    cell = crystal("Li7P3S11")
    assert not np.allclose(cell.lattice.angles, 90, atol=5)
    for entry in strained_structures(cell, "Li7P3S11", SETTINGS):
        lattice = entry.structure.lattice
        assert np.allclose(lattice.angles, cell.lattice.angles)
        strains = entry.provenance.details["strain"]
        assert np.array(lattice.abc) / cell.lattice.abc - 1 == pytest.approx(
            strains, abs=1e-5
        )


def test_equal_seeds_make_equal_structures(cell):
    first, again = (rattled_structures(cell, PARENT, SETTINGS) for _ in range(2))
    other = rattled_structures(
        cell, PARENT, SETTINGS.model_copy(update={"seed": SETTINGS.seed + 1})
    )
    assert all(a.structure == b.structure for a, b in zip(first, again, strict=True))
    assert first[0].structure != other[0].structure


def test_rattled_cells_spread_up_to_the_amplitude(cell):
    made = rattled_structures(cell, PARENT, SETTINGS)
    amplitudes = [entry.provenance.details["amplitude"] for entry in made]
    assert amplitudes == pytest.approx([0.0625, 0.125, 0.1875, 0.25])
    assert all(len(entry.structure) == 64 for entry in made)
    for entry in made:
        assert entry.structure.is_valid(tol=SETTINGS.min_distance)


@pytest.mark.parametrize("key", [PARENT, "P2S5", "Li"])
def test_squeezed_pairs_are_as_close_as_they_say_and_no_others(key):
    cell = crystal(key)
    elements = sorted({site.specie.symbol for site in cell})
    settings = SETTINGS.model_copy(update={"n_squeezed": 15})
    made, again = (squeezed_structures(cell, key, settings) for _ in range(2))
    assert len(made) == 15
    assert not squeezed_structures(cell, key, SETTINGS)
    for entry, other in zip(made, again, strict=True):
        assert entry.structure == other.structure
        assert entry.provenance.source == "squeezed"
        details = entry.provenance.details
        assert closest_contact(entry.structure) == pytest.approx(
            details["contact"], abs=2e-3
        )
        assert set(details["pair"].split("-")) <= set(elements)
    assert {entry.provenance.details["contact"] for entry in made} == {0.7, 0.8}
    pairs = {entry.provenance.details["pair"] for entry in made}
    assert ("Li-S" in pairs) == (len(elements) == 3)


def test_one_atom_moves_and_no_other(cell):
    settings = SETTINGS.model_copy(update={"n_squeezed": 1})
    (made,) = squeezed_structures(cell, PARENT, settings)
    still = supercell_near(cell, SETTINGS.target_atoms)
    moved = [a.distance(b) > 1e-6 for a, b in zip(still, made.structure, strict=True)]
    assert sum(moved) == 1


def test_removals_stay_on_the_line_and_say_what_they_did(cell):
    line = CompositionLine()
    made = removed_structures(cell, PARENT, SETTINGS, line, 12)
    assert len({entry.structure.composition.formula for entry in made}) > 3
    for entry in made:
        origin = entry.provenance
        start = line.remove("Li24P8S32", origin.removed, origin.n_removed)
        assert full_formula(entry.structure) == start
        assert 0 < line.x(entry.structure.composition) < 1
    groups = [entry.provenance.group for entry in made]
    assert len(set(groups)) == len(groups)


def test_as_many_units_go_as_the_fraction_allows(cell):
    """Of Li24P8S32 = 12 Li2S + 4 P2S5 a quarter is three and one."""
    settings = SETTINGS.model_copy(update={"max_removed_fraction": 0.25})
    made = removed_structures(cell, PARENT, settings, CompositionLine(), 30)
    removed = {(e.provenance.removed, e.provenance.n_removed) for e in made}
    assert removed == {("Li2S", 1), ("Li2S", 2), ("Li2S", 3), ("P2S5", 1)}


def test_starts_of_dynamics_are_cells_of_their_own(cell):
    line = CompositionLine()
    starts = md_starts(
        cell, PARENT, SETTINGS.model_copy(update={"n_trajectories": 13}), line
    )
    removed = removed_structures(cell, PARENT, SETTINGS, line, 12)
    told = [
        [(e.provenance.removed, e.provenance.n_removed) for e in entries]
        for entries in (starts[1:], removed)
    ]
    assert told[0] != told[1]
    groups = [{e.provenance.group for e in entries} for entries in (starts, removed)]
    assert not groups[0] & groups[1]


def test_cell_without_a_unit_to_remove_is_an_error(cell):
    settings = DatasetSettings(target_atoms=8, max_removed_fraction=0.1)
    with pytest.raises(DatasetError, match="max_removed_fraction"):
        removed_structures(cell, PARENT, settings, CompositionLine(), 1)


def test_impossible_rattle_is_an_error_not_a_hang(cell):
    settings = DatasetSettings(rattle=5.0, n_rattled=1, target_atoms=16)
    with pytest.raises(DatasetError, match="closer than"):
        rattled_structures(cell, PARENT, settings)


@pytest.mark.parametrize("field", ["max_strain", "rattle_strain"])
def test_senseless_strain_is_refused(field):
    with pytest.raises(ValidationError, match=field):
        DatasetSettings(**{field: 0.7})
    with pytest.raises(ValidationError, match="isotropic_strains"):
        DatasetSettings(isotropic_strains=(-0.15, 15.0))


@pytest.mark.parametrize(
    ("n_frames", "n_snapshots", "expected"),
    [(11, 5, [2, 4, 6, 8, 10]), (4, 10, [1, 2, 3]), (101, 2, [50, 100])],
)
def test_snapshots_are_evenly_spaced(n_frames, n_snapshots, expected):
    assert evenly_spaced(n_frames, n_snapshots) == expected


def test_missing_thermostat_is_noticed():
    assert held_temperature(np.full(10, 690.0), 700.0) == pytest.approx(690)
    assert held_temperature(np.full(10, np.nan), 700.0) is None
    with pytest.raises(EngineError, match="308 K where 700 K"):
        held_temperature(np.full(10, 308.0), 700.0)
