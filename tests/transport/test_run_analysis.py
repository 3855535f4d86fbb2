"""What the document of a run says about its framework, its sampling and its motion."""

import numpy as np
import pytest
from pymatgen.core import Structure

from lps_flows.analysis import nernst_einstein
from lps_flows.analysis.framework import framework_survival, sampling_statistics
from lps_flows.chemistry import crystal
from lps_flows.jobs.run_analysis import (
    TransportSettings,
    analyse_trajectory,
    judge_extrapolation,
)
from lps_flows.jobs.trajectory import JoinedTrajectory
from lps_flows.jobs.transport import CollectTransportMaker
from lps_flows.potential import committee_uncertainty
from tests.potential.toy import random_potential

CELL = crystal("beta-Li3PS4") * (1, 1, 2)  # 8 PS4 units
N_FRAMES = 200
SETTINGS = TransportSettings(density_spacing=1.0)


def still(shake=0.03):
    rng = np.random.default_rng(0)
    return CELL.cart_coords + shake * rng.normal(size=(N_FRAMES, len(CELL), 3))


def walking():
    positions = still()
    lithium = [i for i, site in enumerate(CELL) if site.specie.symbol == "Li"]
    steps = np.random.default_rng(1).normal(size=(N_FRAMES, len(lithium), 3))
    positions[:, lithium] += np.cumsum(0.3 * steps, axis=0)
    return positions


def joined(positions, **changes):
    times = 20.0 * np.arange(N_FRAMES)
    rng = np.random.default_rng(2)
    kinetic = 900 + rng.normal(size=N_FRAMES) * 900 * np.sqrt(2 / (3 * len(CELL) - 3))
    return JoinedTrajectory(
        structure=CELL,
        times=times,
        positions=positions,
        temperatures=changes.pop("temperatures", kinetic),
        potential_energies=np.zeros(N_FRAMES),
        conserved_energies=0.001 * times,
        method="toy",
        label="toy",
        temperature=900.0,
        failure=changes.pop("failure", None),
    )


def analysed(positions, **changes):
    run = joined(positions, **changes)
    return analyse_trajectory(
        run, CELL, SETTINGS, equilibration=0.0, chunk_uuids=[], time_step=1.0
    )


def broken(positions, frames, units=1):
    """Take one S far from its P in some units, for some frames."""
    centres = [i for i, site in enumerate(CELL) if site.specie.symbol == "P"][:units]
    for p in centres:
        s = min(
            (i for i, site in enumerate(CELL) if site.specie.symbol == "S"),
            key=lambda i, p=p: CELL.get_distance(p, i),
        )
        away = CELL[s].coords - CELL.lattice.get_cartesian_coords(
            CELL[p].frac_coords + np.round(CELL[s].frac_coords - CELL[p].frac_coords)
        )
        positions[frames, s] += 1.5 * away / np.linalg.norm(away)
    return positions


def test_an_intact_run_reports_everything_and_remarks_nothing():
    found = analysed(walking())
    assert found.framework.survived
    assert found.remarks == []
    assert found.mean_temperature == pytest.approx(900, abs=15)
    assert found.temperature_fluctuation == pytest.approx(
        found.canonical_fluctuation, rel=0.15
    )
    assert found.energy_drift == pytest.approx(1e3 / len(CELL))
    assert found.diffusion["Li"].diffusive
    assert not found.diffusion["P"].diffusive
    assert not found.diffusion["S"].diffusive
    for name, D in found.cross_checks.items():
        low, high = found.cross_check_intervals[name]
        assert low < D < high
        assert pytest.approx(found.diffusion["Li"].D, rel=0.3) == D


@pytest.mark.parametrize("frames", [slice(150, None), slice(40, 110), slice(0, None)])
def test_units_that_broke_for_a_part_of_the_run_are_said_to(frames):
    found = analysed(broken(still(), frames))
    assert not found.framework.survived
    assert any("did not survive" in remark for remark in found.remarks)
    assert found.framework.changed >= 1 / 8 - 1e-9
    assert found.framework.lost == pytest.approx(1 / 8)


def test_one_unit_of_many_is_remarked_upon_though_the_rest_survived():
    loose = SETTINGS.model_copy(update={"max_motif_change": 0.2})
    times = 20.0 * np.arange(N_FRAMES)
    run = JoinedTrajectory(
        structure=CELL,
        times=times,
        positions=broken(still(), slice(0, None)),
        temperatures=np.full(N_FRAMES, 900.0),
        potential_energies=np.zeros(N_FRAMES),
        conserved_energies=np.zeros(N_FRAMES),
        method="toy",
        label="toy",
        temperature=900.0,
        failure=None,
    )
    found = analyse_trajectory(
        run, CELL, loose, equilibration=0.0, chunk_uuids=[], time_step=1.0
    )
    assert found.framework.survived
    assert any("1.0 of 8 P changed motif" in remark for remark in found.remarks)


def test_units_that_condense_are_told_from_units_that_lose_a_ligand():
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    tetrahedron = [np.zeros(3), *(2.05 * corners)]
    pyramid = [np.zeros(3), *(-2.05 * corners[1:])]
    away, close = np.array([6.0, 6.0, 6.0]), 4.1 * corners[0]
    start = Structure(
        16 * np.eye(3),
        ["Li", "P", *"SSSS", "P", *"SSS"],
        [np.full(3, -5.0), *tetrahedron, *(away + np.array(pyramid))],
        coords_are_cartesian=True,
    )
    positions = np.repeat(start.cart_coords[None], N_FRAMES, axis=0)
    positions[80:, 6:] += close - away

    def judged(xyz):
        times = 20.0 * np.arange(N_FRAMES)
        return framework_survival(start, xyz, times, max_change=0.05)

    condensed = judged(positions)
    assert condensed.survived
    assert condensed.lost == 0
    assert condensed.condensed == 1  # both share an S that they did not share before
    assert condensed.changed > 0.9
    positions[80:, 9] += 3.0
    lost = judged(positions)
    assert not lost.survived
    assert lost.lost == 0.5


def test_a_unit_that_breaks_and_shares_more_has_not_condensed():
    """Its ligand goes to the other unit's former, which gets what it lacks."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    whole = np.array([np.zeros(3), *(2.05 * corners)])
    far = np.array([7.0, 0, 0])
    start = Structure(
        16 * np.eye(3),
        ["P", *"SSSS", "P", *"SSSS"],
        [*(whole + 1.0), *(whole + 1.0 + far)],
        coords_are_cartesian=True,
    )
    positions = np.repeat(start.cart_coords[None], N_FRAMES, axis=0)
    # the second unit comes to share the first one's S, and loses one of its own
    to = start.cart_coords[1] + 2.05 * corners[0] - start.cart_coords[5]
    positions[80:, 5:] += to
    positions[80:, 9] += 4.0
    times = 20.0 * np.arange(N_FRAMES)
    found = framework_survival(start, positions, times, max_change=0.05)
    assert found.lost == 0.5
    assert found.condensed == 0.5  # the first one alone


def test_a_moment_out_of_range_breaks_nothing():
    found = analysed(broken(still(), slice(98, 101)))
    assert found.framework.survived


def test_less_than_half_a_unit_never_counts():
    """Two units of eight for one time in five of a quarter: four tenths of one."""
    strict = {"max_change": 0.0, "n_times": 20}
    times = 20.0 * np.arange(N_FRAMES)
    for frames, survived in ((slice(5, 15), True), (slice(5, 35), False)):
        found = framework_survival(
            CELL, broken(still(), frames, units=2), times, **strict
        )
        assert found.lost > 0
        assert (found.survived, 8 * found.lost < 0.5) == (survived, survived)


def test_the_error_of_a_mean_is_the_largest_of_all_block_lengths():
    times = np.arange(64.0)
    # blocks of two of what alternates have no spread: what is seen is one by one
    alternating = sampling_statistics((-1.0) ** times, times)
    assert alternating.mean == 0
    assert alternating.error == pytest.approx(np.sqrt(64 / 63) / 8)
    # what stays for eight is known by eight blocks, and not by 64 values
    steps = np.repeat([1.0, -1, -1, 1, -1, 1, 1, -1], 8)
    found = sampling_statistics(steps, times)
    assert found.error == pytest.approx(np.sqrt(8 / 7) / np.sqrt(8))
    assert found.fluctuation == pytest.approx(1.0)
    line = sampling_statistics(3.0 + 0.25 * times, times)
    assert (line.mean, line.drift) == pytest.approx((3.0 + 0.25 * 31.5, 0.25))


def test_a_hot_run_and_a_failed_one_are_remarked_upon():
    hot = analysed(still(), temperatures=np.full(N_FRAMES, 1100.0))
    assert any("1100 K at a thermostat of 900 K" in remark for remark in hot.remarks)
    cold = analysed(still(), temperatures=np.full(N_FRAMES, 800.0))
    assert any("800 K at a thermostat of 900 K" in remark for remark in cold.remarks)
    failed = analysed(walking(), failure="exploded before step 7")
    assert failed.failure == "exploded before step 7"
    assert "exploded before step 7" in failed.remarks


def test_ions_that_move_as_one_carry_as_many_charges_as_they_are():
    """The charge of N of them diffuses N times as fast: the Haven ratio is 1/N."""
    lithium = [i for i, site in enumerate(CELL) if site.specie.symbol == "Li"]
    positions = still(shake=0.001)
    steps = 0.5 * np.random.default_rng(4).normal(size=(N_FRAMES, 1, 3))
    positions[:, lithium] += np.cumsum(steps, axis=0)
    found = analysed(positions)
    tracer, charge = found.diffusion["Li"], found.charge_diffusion
    assert charge.lags.tolist() == tracer.lags.tolist()
    assert charge.msd == pytest.approx(len(lithium) * tracer.msd, rel=1e-3)


def test_a_swinging_element_costs_its_diffusivity_alone():
    positions = walking()
    swing = 0.8 * np.sin(2 * np.pi * np.arange(N_FRAMES) / (0.4 * N_FRAMES))
    sulphur = [i for i, site in enumerate(CELL) if site.specie.symbol == "S"]
    positions[:, sulphur, 0] += swing[:, None]
    found = analysed(positions)
    assert any("no diffusivity of S" in remark for remark in found.remarks)
    assert "S" not in found.diffusion
    assert found.diffusion["Li"].diffusive


def test_a_cell_of_mobile_ions_alone_is_analysed():
    lithium = Structure(CELL.lattice, ["Li"], [[0, 0, 0]])
    steps = np.random.default_rng(3).normal(size=(N_FRAMES, 1, 3))
    run = JoinedTrajectory(
        structure=lithium,
        times=20.0 * np.arange(N_FRAMES),
        positions=np.cumsum(steps, axis=0),
        temperatures=np.full(N_FRAMES, np.nan),
        potential_energies=np.full(N_FRAMES, np.nan),
        conserved_energies=np.full(N_FRAMES, np.nan),
        method="toy",
        label="toy",
        temperature=900.0,
        failure=None,
    )
    found = analyse_trajectory(
        run, lithium, SETTINGS, equilibration=0.0, chunk_uuids=[], time_step=1.0
    )
    assert found.framework is None
    assert found.mean_temperature is None
    assert not found.diffusion["Li"].diffusive


def test_the_committee_tells_where_a_run_extrapolates():
    run, found = joined(still()), analysed(still())
    committee = random_potential(members=3)
    judge_extrapolation(found, run, committee, SETTINGS)
    frame = Structure(
        CELL.lattice, CELL.species, run.positions[-1], coords_are_cartesian=True
    )
    last = committee_uncertainty(committee, [frame])[0]
    assert found.max_energy_std >= last > 0
    assert 0 < found.energy_std <= found.max_energy_std
    # members with random weights disagree by far more than any trained ones
    assert any("the potential extrapolates" in remark for remark in found.remarks)

    content = analysed(still())
    calm = SETTINGS.model_copy(update={"max_energy_std": 1e6})
    judge_extrapolation(content, run, committee, calm)
    assert content.energy_std == found.energy_std
    assert not content.remarks


def test_a_single_member_has_no_opinion():
    found = analysed(still())
    judge_extrapolation(found, joined(still()), random_potential(), SETTINGS)
    assert found.energy_std is None
    assert found.max_energy_std is None


def at(temperature, D, **changes):
    """Return the document of a run with this diffusivity (cm^2/s)."""
    found = analysed(walking())
    tracer = found.diffusion["Li"].model_copy(
        update={"D": D, "interval": (0.8 * D, 1.25 * D)}
    )
    survived = changes.pop("survived", True)
    return found.model_copy(
        update={
            "temperature": temperature,
            "diffusion": found.diffusion | {"Li": tracer},
            "framework": found.framework.model_copy(update={"survived": survived}),
            **changes,
        }
    )


def collected(*runs):
    maker = CollectTransportMaker()
    names = [f"run at {run.temperature:g} K" for run in runs]
    return maker.make.original(maker, list(runs), names, "toy")


def test_runs_of_a_whole_framework_have_a_line_of_their_own():
    whole = [at(700.0, 1e-6), at(900.0, 4e-6), at(1200.0, 1.2e-5)]
    alone = collected(*whole)
    assert alone.conductivity_intact == alone.conductivity
    assert (alone.framework_survived, alone.trusted) == (True, True)
    found = collected(*whole, at(1500.0, 3e-4, survived=False))
    assert (found.framework_survived, found.trusted) == (False, False)
    assert found.conductivity != pytest.approx(alone.conductivity, rel=0.1)
    assert found.conductivity_intact == pytest.approx(alone.conductivity)
    assert found.conductivity_intact_interval == pytest.approx(
        alone.conductivity_interval
    )


def test_a_run_that_failed_is_no_point_of_the_line():
    whole = [at(700.0, 1e-6), at(900.0, 4e-6), at(1200.0, 1.2e-5)]
    broke = at(1500.0, 3e-4, failure="atoms overlap")
    found = collected(*whole, broke)
    assert [run.used for run in found.runs] == [True, True, True, False]
    assert found.runs[-1].reason == "atoms overlap"
    assert found.conductivity == pytest.approx(collected(*whole).conductivity)


def test_each_run_has_the_ions_of_its_own_cell():
    wide = at(900.0, 4e-6, volume=2 * CELL.volume)
    found = collected(at(700.0, 1e-6), wide)
    density = CELL.composition["Li"] / CELL.volume
    assert found.number_density == pytest.approx(density)
    assert found.conductivities == pytest.approx(
        {
            "700": nernst_einstein(1e-6, density, 1, 700),
            "900": nernst_einstein(4e-6, density / 2, 1, 900),
        }
    )
