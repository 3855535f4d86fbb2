"""Vibrations against an independent code, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.phonons import Phonons
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.analysis.phonons import (
    PhononSettings,
    configurational_bound,
    displaced_cells,
    free_energies,
    vibrations,
    with_forces,
)
from lps_flows.chemistry import CompositionLine
from lps_flows.plotting.free_energies import free_energy_figure
from lps_flows.report.blocks import Note, Table
from lps_flows.report.charts.free_energies import free_energy_chart
from lps_flows.report.sections.free_energies import free_energy_section
from lps_flows.schemas import Provenance
from lps_flows.schemas.phonons import FreeEnergyDocument, PhononDocument, Vibrations

SETTINGS = PhononSettings(target_atoms=27, mesh=20.0, temperatures=(0.0, 300.0))
CALCULATOR = {"sigma": 3.4, "epsilon": 0.0104, "rc": 6.0, "smooth": True}
KT = 8.617333262e-5 * 300.0


def argon(kind: str) -> Structure:
    atoms = bulk("Ar", kind, a=5.2 if kind == "fcc" else 4.1)
    return Structure.from_sites(AseAtomsAdaptor.get_structure(atoms).sites)


def forces(structure: Structure) -> np.ndarray:
    atoms = structure.to_ase_atoms()
    atoms.calc = LennardJones(**CALCULATOR)
    return atoms.get_forces()


def found(structure: Structure) -> Vibrations:
    cells = displaced_cells(structure, SETTINGS)
    return vibrations(structure, [forces(cell) for cell in cells], SETTINGS)


def test_free_energies_are_those_of_ases_phonons(tmp_path: Path) -> None:
    ours = found(argon("fcc"))
    assert ours.supercell == (3, 3, 3)
    assert ours.imaginary == 0.0
    theirs = Phonons(
        bulk("Ar", "fcc", a=5.2),
        LennardJones(**CALCULATOR),
        supercell=(3, 3, 3),
        delta=0.01,
        name=str(tmp_path / "phonon"),
    )
    theirs.run()
    theirs.read(acoustic=True)
    grid = np.indices((8, 8, 8)).reshape(3, -1).T / 8 + 1 / 16 - 0.5
    energies = theirs.band_structure(grid, verbose=False).ravel()
    zero_point = energies.mean() * 3 / 2
    thermal = 3 * KT * np.log(-np.expm1(-energies / KT)).mean()
    at_rest, at_300 = ours.free_energies
    assert at_rest == pytest.approx(zero_point, rel=0.02)
    assert at_300 == pytest.approx(zero_point + thermal, rel=0.02)


def test_imaginary_modes_are_counted_and_not_integrated() -> None:
    """A bcc crystal of Lennard-Jones atoms is at no minimum."""
    unstable = found(argon("bcc"))
    assert unstable.lowest_frequency < -0.1
    assert 0 < unstable.imaginary < 1
    assert unstable.free_energies is None
    assert not unstable.stable
    # points of the mesh that symmetry spares count as often as they are
    cells = displaced_cells(argon("bcc"), SETTINGS)
    phonons = with_forces(argon("bcc"), [forces(cell) for cell in cells], SETTINGS)
    phonons.run_mesh(SETTINGS.mesh, is_mesh_symmetry=False)
    every = phonons.mesh.frequencies
    assert len(every) > 8
    assert unstable.imaginary == pytest.approx((every < -0.1).mean())


def test_what_is_left_at_rest_of_the_forces_is_no_restoring_force() -> None:
    cells = displaced_cells(argon("fcc"), SETTINGS)
    left = 0.01 * np.random.default_rng(0).normal(size=(len(cells[0]), 3))
    shifted = vibrations(
        argon("fcc"), [forces(cell) + left for cell in cells], SETTINGS
    )
    assert shifted.free_energies == pytest.approx(found(argon("fcc")).free_energies)


def test_large_cells_have_modes_at_gamma_alone() -> None:
    large = argon("fcc") * (5, 5, 5)
    cells = displaced_cells(large, SETTINGS)
    assert len(cells[0]) == 125
    at_gamma = vibrations(large, [forces(cell) for cell in cells], SETTINGS)
    assert at_gamma.gamma_only
    assert at_gamma.supercell == (1, 1, 1)
    # nearly the same as on the mesh: three of 375 modes are missing
    assert at_gamma.free_energies[0] == pytest.approx(
        found(argon("fcc")).free_energies[0], rel=0.05
    )


def document(key: str, formula: str, energy: float, f: list[float] | None):
    vibrating = Vibrations(
        supercell=(1, 1, 1),
        gamma_only=False,
        n_displacements=1,
        lowest_frequency=0.0 if f else -2.8,
        imaginary=0.0 if f else 0.01,
        temperatures=[0.0, 300.0, 600.0],
        free_energies=f,
    )
    return PhononDocument(
        method="m",
        provenance=Provenance(source="crystal", parent=key),
        formula=formula,
        x=0.75,
        nsites=8,
        energy_per_atom=energy,
        vibrations=vibrating,
    )


def test_the_order_of_polymorphs_turns_where_their_free_energies_cross() -> None:
    """Gamma is 3 meV/atom lower, beta softer: they cross at 300 K."""
    phonons = {
        "Li2S": document("Li2S", "Li2S", -4.0, [0.0, 0.0, 0.0]),
        "P2S5": document("P2S5", "P2S5", -5.0, [0.0, 0.0, 0.0]),
        "g": document("gamma-Li3PS4", "Li3PS4", -5.0, [0.0, 0.0, 0.0]),
        "b": document("beta-Li3PS4", "Li3PS4", -4.997, [0.0, -0.003, -0.006]),
        "n": document("Pnma", "Li3PS4", -4.999, None),
    }
    sizes = {"Li2S": 3, "P2S5": 7}
    for key, size in sizes.items():
        x = 1.0 if key == "Li2S" else 0.0
        phonons[key] = phonons[key].model_copy(update={"nsites": size, "x": x})
    made = {
        d.phonon_id: d
        for d in free_energies(
            phonons, {}, CompositionLine(), PhononSettings(), campaign="c"
        )
    }
    assert made["b"].energy_above_hull == pytest.approx(0.003)
    assert made["b"].free_energy_above_hull == pytest.approx(
        [0.003, 0.0, 0.0], abs=1e-9
    )
    assert made["g"].free_energy_above_hull == pytest.approx(
        [0.0, 0.0, 0.003], abs=1e-9
    )
    assert made["n"].free_energy_above_hull is None
    assert "imaginary" in made["n"].note
    section = free_energy_section(list(made.values()))
    (said,) = (block.text for block in section.blocks if isinstance(block, Note))
    assert said.startswith("gamma-Li3PS4 is below beta-Li3PS4 up to 300 K")
    without = {key: phonons[key] for key in ("g", "b", "Li2S")}
    (first, *_) = free_energies(
        without, {}, CompositionLine(), PhononSettings(), campaign="c"
    )
    assert first.free_energy_above_hull is None
    assert "P2S5" in first.note


def placed(
    gamma: list[float] | None,
    temperatures: list[float] | None = None,
    glasses: list[tuple[int, float]] | None = None,
) -> dict[str, FreeEnergyDocument]:
    """Return end members, a glass and gamma, which is stable at rest."""
    given = {
        "Li2S": ("Li2S", 1.0, 3, -4.0, [0.0, 0.0, 0.0]),
        "P2S5": ("P2S5", 0.0, 7, -5.0, [0.0, 0.0, 0.0]),
        "glass": ("Li22P8S31", 11 / 15, 61, -4.7, [0.0, 0.0, 0.0]),
        "gamma": ("Li3PS4", 0.75, 8, -4.75, gamma),
    }
    phonons = {
        key: document(key, formula, energy, f).model_copy(
            update={"x": x, "nsites": size}
        )
        for key, (formula, x, size, energy, f) in given.items()
    }
    found = Provenance(source="ga", parent="beta-Li3PS4")
    phonons["glass"] = phonons["glass"].model_copy(update={"provenance": found})
    if temperatures is not None:
        other = {"temperatures": temperatures}
        moved = phonons["gamma"].vibrations.model_copy(update=other)
        phonons["gamma"] = phonons["gamma"].model_copy(update={"vibrations": moved})
    made = free_energies(
        phonons,
        {"Li22P8S31": glasses or []},
        CompositionLine(),
        PhononSettings(),
        campaign="c",
    )
    return {d.phonon_id: d for d in made}


def test_a_hull_that_lacks_what_is_stable_at_rest_places_nothing_on_it() -> None:
    """Gamma's imaginary mode made the glass stable, and no note said so."""
    whole = placed([0.0, 0.0, 0.0])["glass"]
    assert whole.free_energy_above_hull == pytest.approx([whole.energy_above_hull] * 3)
    lacking = placed(None)
    assert lacking["glass"].free_energy_above_hull is None
    assert "gamma" in lacking["glass"].note
    # the end members lie where they lie
    assert lacking["Li2S"].free_energy_above_hull == [0.0] * 3


@pytest.mark.parametrize("temperatures", [[300.0, 600.0, 900.0], [0.0, 300.0]])
def test_free_energies_at_other_temperatures_are_not_subtracted(
    temperatures: list[float],
) -> None:
    found = placed([-0.1] * len(temperatures), temperatures)
    assert found["glass"].free_energy_above_hull is None
    assert found["gamma"].free_energy_above_hull is None
    assert found["glass"].note
    assert found["gamma"].note


def test_one_structure_that_several_searches_found_counts_once() -> None:
    twice = [(61, -4.7), (61, -4.70005), (61, -4.69)]
    bounds = [
        placed([0.0] * 3, glasses=those)["glass"].configurational
        for those in (twice, twice[1:])
    ]
    assert bounds[0] == pytest.approx(bounds[1], abs=1e-9)


def test_the_bound_is_per_atom_of_the_largest_cells() -> None:
    """Two of 61 atoms, 1 meV/atom apart; lower ones of smaller cells do not count."""
    known = [(61, -4.7), (61, -4.699), (30, -4.8), (30, -4.79)]
    bound = placed([0.0] * 3, glasses=known)["glass"].configurational
    at_300 = -KT * np.log1p(np.exp(-61 * 0.001 / KT)) / 61
    assert bound[:2] == pytest.approx([0.0, at_300])


def test_the_configurational_bound_of_equal_structures_is_that_of_counting() -> None:
    bound = configurational_bound([1.0] * 7, [0.0, 300.0])
    assert bound == pytest.approx([0.0, -KT * np.log(7)])
    # what lies high counts little
    assert configurational_bound([0.0, 1.0], [300.0])[0] == pytest.approx(0, abs=1e-9)


def shown(temperatures: list[float], *free: list[float]) -> list[FreeEnergyDocument]:
    """Return what a store of before may hold: polymorphs at these temperatures."""
    first = placed([0.0, 0.0, 0.0])["gamma"]
    return [
        first.model_copy(
            update={
                "parent": f"form {k}",
                "source": "crystal",
                "free_energy_above_hull": places,
                "vibrations": first.vibrations.model_copy(
                    update={"temperatures": temperatures, "free_energies": places}
                ),
            }
        )
        for k, places in enumerate(free)
    ]


@pytest.mark.parametrize(
    ("temperatures", "places", "cells"),
    [
        ([0.0, 200.0, 400.0], [0.004, 0.005, 0.007], ("6.0", "-")),
        ([600.0, 300.0, 0.0], [0.010, 0.006, 0.004], ("6.0", "10.0")),
        ([300.0], [0.006], ("6.0", "-")),
    ],
)
def test_free_energies_stand_at_temperatures_that_were_computed_alone(
    temperatures: list[float], places: list[float], cells: tuple[str, str]
) -> None:
    table = free_energy_section(shown(temperatures, places)).blocks[1]
    assert isinstance(table, Table)
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert (row["F at 300 K"], row["F at 600 K"]) == cells


def test_lines_of_free_energies_run_from_cold_to_hot() -> None:
    documents = shown([600.0, 0.0], [0.010, 0.004])
    (trace,) = free_energy_chart(documents).data
    drawn = free_energy_figure(documents).axes[0].lines[1]
    assert list(trace.x) == list(drawn.get_xdata()) == [0.0, 600.0]
    assert list(trace.y) == list(drawn.get_ydata()) == pytest.approx([4.0, 10.0])


def test_the_order_of_polymorphs_is_said_of_any_temperatures() -> None:
    def said(*documents: FreeEnergyDocument) -> list[str]:
        blocks = free_energy_section(documents).blocks
        return [block.text for block in blocks if isinstance(block, Note)]

    hot_first = shown([600.0, 300.0, 0.0], [0.0] * 3, [-0.003, 0.0001, 0.003])
    (text,) = said(*hot_first)
    assert text.startswith("form 0 is below form 1 up to 310 K")
    (text,) = said(*shown([300.0], [0.0], [0.001]))
    assert text == "form 0 is below form 1 at 300 K, by m."
    # at other temperatures nothing is subtracted
    assert said(hot_first[0], shown([300.0], [0.0])[0]) == []
