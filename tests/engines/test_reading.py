"""What is read from VASP's ionic steps, whatever the release wrote into them."""

from types import SimpleNamespace

import numpy as np
import pytest
from ase.units import GPa
from emmet.core.types.enums import TaskState
from emmet.core.vasp.calculation import IonicStep

from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.engines import EngineError, read_calculation, read_path
from lps_flows.jobs.labels import label_documents
from lps_flows.schemas import Provenance

CELL = crystal("gamma-Li3PS4")
FORCES = np.zeros((16, 3)).tolist()
STRESS = np.diag([10.0, 0.0, 0.0]).tolist()


def step(**changes):
    scf = {"e_fr_energy": -70.2, "e_wo_entrp": -70.0, "e_0_energy": -70.1}
    known = {
        **scf,
        "electronic_steps": [scf],
        "forces": FORCES,
        "stress": STRESS,
        "structure": CELL,
    }
    return IonicStep(**(known | changes))


def calculation(steps, nelm=200):
    return SimpleNamespace(
        input=SimpleNamespace(parameters={"NELM": nelm}),
        output=SimpleNamespace(ionic_steps=steps),
    )


def task(*calculations, state=TaskState.SUCCESS, energy=-70.1):
    return SimpleNamespace(
        structure=CELL,
        state=state,
        output=SimpleNamespace(
            energy=energy, forces=FORCES, stress=STRESS, n_steps=None
        ),
        calcs_reversed=list(reversed(calculations)),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        # VASP 5 writes the entropy term, of either sign, or zero without any
        {"e_0_energy": -0.2},
        {"e_0_energy": 0.2},
        {"e_0_energy": 0.0},
        # a dispersion correction is added after the electronic steps
        {
            "electronic_steps": [
                {"e_fr_energy": -69.2, "e_wo_entrp": -69.0, "e_0_energy": -69.1}
            ]
        },
        {"e_0_energy": None},
        {"electronic_steps": None, "num_electronic_steps": 12},
    ],
)
def test_energy_of_a_step_is_the_one_at_zero_smearing(changes):
    first, _ = read_path(task(calculation([step(**changes), step()])))
    assert first.energy == pytest.approx(-70.1, abs=1e-9)


def test_the_largest_force_is_the_longest_vector():
    forces = np.zeros((16, 3))
    forces[3], forces[5] = [3.0, -4.0, 0.0], [0.0, 0.0, -4.5]
    first, _ = read_path(task(calculation([step(forces=forces.tolist()), step()])))
    assert first.max_force == pytest.approx(5.0)


def test_a_step_without_a_right_energy_is_refused():
    bare = step(e_0_energy=0.0, electronic_steps=None)
    with pytest.raises(EngineError, match="no finite energy"):
        read_path(task(calculation([bare, step()])))


def test_stress_of_steps_has_the_sign_and_unit_of_the_end():
    first, last = read_path(task(calculation([step(), step()])))
    assert first.stress[0, 0] == pytest.approx(-1.0 * GPa)
    assert np.array_equal(first.stress, last.stress)
    without, _ = read_path(task(calculation([step(stress=None), step()])))
    assert without.stress is None


def test_the_path_begins_with_the_first_of_several_calculations():
    steps = [step(stress=np.diag([n, 0.0, 0.0]).tolist()) for n in range(5)]
    first, second = calculation(steps[:2]), calculation(steps[2:])
    path = read_path(task(first, second))
    assert [found.n_steps for found in path] == [1, 2, 3, 4, 5]
    # in the order they were made; the end is the document's own
    kbar = [found.stress[0, 0] / (-0.1 * GPa) for found in path]
    assert kbar == pytest.approx([0, 1, 2, 3, 10])


def test_the_last_change_of_the_energy_is_that_of_the_last_step():
    lower = step(e_fr_energy=-70.5, electronic_steps=None)
    lower = lower.model_copy(update={"e_wo_entrp": -70.3, "e_0_energy": -70.4})
    end = read_calculation(task(calculation([step(), step()]), calculation([lower])))
    assert end.energy_change is None
    end = read_calculation(task(calculation([step(), lower])))
    assert end.energy_change == pytest.approx(-0.3)


def labels(document, n_frames=6):
    return label_documents(
        document,
        Provenance(source="ga"),
        method="m",
        relaxed=True,
        line=CompositionLine(),
        n_frames=n_frames,
    )


def test_a_relaxation_that_was_cut_off_is_a_label_at_its_end():
    (end,) = labels(task(calculation([step(), step()]), state=TaskState.FAILED), 1)
    assert (end.converged, end.relaxed) == (True, False)


@pytest.mark.parametrize("n_frames", [1, 6])
def test_an_electronic_cycle_that_reached_its_limit_is_no_converged_label(n_frames):
    scf = step().electronic_steps[0].model_dump(exclude_none=True)
    limit = step(electronic_steps=[scf] * 60)
    # cut off after its last step, or with a document that says it is done
    for state in (TaskState.FAILED, TaskState.SUCCESS):
        found = labels(
            task(calculation([step(), limit, limit], nelm=60), state=state), n_frames
        )
        assert [d.converged for d in found] == [True, False, False][-len(found) :]
        assert not found[-1].relaxed
    counted = step(electronic_steps=None, num_electronic_steps=60)
    assert not read_calculation(task(calculation([counted], nelm=60))).converged


def test_ions_that_were_cut_off_leave_converged_labels():
    found = labels(task(calculation([step(), step()]), state=TaskState.FAILED))
    assert [d.converged for d in found] == [True, True]
    assert [d.relaxed for d in found] == [False, False]


def test_frames_of_a_relaxation_share_its_evaluations():
    found = labels(task(calculation([step()] * 9)), 4)
    where = [label.provenance.details["relaxation_step"] for label in found]
    assert (where[0], where[-1]) == (0, 8)
    counts = [label.n_evaluations for label in found]
    assert counts == np.diff([-1, *where]).tolist()
    assert sum(counts) == 9


def test_a_document_says_the_last_change_per_atom():
    lower = step(e_fr_energy=-70.52, e_wo_entrp=-70.32, e_0_energy=-70.42)
    lower = lower.model_copy(update={"electronic_steps": None})
    (end,) = labels(task(calculation([step(), lower])), 1)
    assert end.energy_change == pytest.approx(-0.32 / 16)
