"""Training: what it learns, holds out, logs, refuses and resumes."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from ase import Atoms

from lps_flows.potential import (
    DescriptorSettings,
    StructureError,
    TrainingError,
    TrainingSettings,
    UnknownElementError,
    assess,
    train_potential,
)
from lps_flows.potential import training as training_module
from lps_flows.potential.network import ACTIVATIONS
from lps_flows.potential.objective import Objective, make_chunks
from lps_flows.potential.parametrisation import Parametrisation
from lps_flows.potential.partition import fit_atomic_energies, hold_out
from lps_flows.potential.stacked import Layout
from lps_flows.potential.training import prepare_training
from lps_flows.potential.training_data import TrainingData, normalise
from tests.potential.toy import random_potential, random_structure

SMALL = DescriptorSettings(
    radial_cutoff=4.0, radial_order=4, angular_cutoff=3.0, angular_order=2
)
QUICK = TrainingSettings(
    descriptor=SMALL, hidden=(4,), restarts=3, iterations=25, threads=1
)
TEACHER = random_potential(
    hidden=(3,), radial_cutoff=4.0, radial_order=4, angular_order=2, seed=8
)


def teach(n=30, n_atoms=8, seed=0):
    """Return structures with energies and forces of a random potential."""
    structures = [random_structure(seed + k, n=n_atoms - k % 3) for k in range(n)]
    results = TEACHER.evaluate(structures)
    return structures, [r.energy for r in results], [r.forces for r in results]


STRUCTURES, ENERGIES, FORCES = teach()


def with_a_wild_one(force: float = 50.0):
    """Return sources, energies and forces of a set whose fourth frame broke."""
    energies = [*ENERGIES[:3], ENERGIES[3] + 40.0, *ENERGIES[4:]]
    forces = [*FORCES[:3], FORCES[3] + force, *FORCES[4:]]
    sources = ["md" if k in (3, 4) else "ga" for k in range(len(energies))]
    return sources, energies, forces


def test_outsized_forces_stay_out_of_training(caplog):
    sources, energies, forces = with_a_wild_one()
    with caplog.at_level(logging.WARNING):
        result = train_potential(
            STRUCTURES, energies, QUICK, forces=forces, sources=sources
        )
    assert "1 of 30 structures are left out: a force above 10 eV/Å" in caplog.text
    used = {*result.training_indices, *result.validation_indices}
    assert used == set(range(30)) - {3}
    assert set(result.by_source) >= {"ga", "md", "md (left out)"}
    assert result.by_source["md"].n_structures == 1
    assert result.by_source["md (left out)"].n_structures == 1
    clean = [k for k in range(30) if k != 3]
    without = train_potential(
        [STRUCTURES[k] for k in clean],
        [energies[k] for k in clean],
        QUICK,
        forces=[forces[k] for k in clean],
    )
    np.testing.assert_allclose(
        [e.energy for e in result.potential.evaluate(STRUCTURES)],
        [e.energy for e in without.potential.evaluate(STRUCTURES)],
        rtol=1e-8,
    )


def test_a_limit_is_on_the_length_of_a_force_and_groups_stay_with_their_structures():
    """Seven along each axis are twelve; what is left out takes no group along."""
    forces = [np.zeros_like(f) for f in FORCES[:13]]
    forces[0][0] = [7.0, 7.0, 7.0]
    forces[1][0] = [9.9, 0.0, 0.0]
    groups = ["wild", *np.repeat(["a", "b", "c", "d"], 3).tolist()]
    settings = QUICK.model_copy(update={"validation_fraction": 0.25})
    for seed in range(4):
        ready = prepare_training(
            STRUCTURES[:13],
            ENERGIES[:13],
            settings.model_copy(update={"seed": seed}),
            forces=forces,
            groups=groups,
        )
        assert sorted([*ready.train, *ready.held]) == list(range(1, 13))
        assert len({groups[k] for k in ready.held}) == 1
        assert len(ready.held) == 3


def test_the_energy_scale_makes_energies_and_forces_of_order_one():
    """Cohesive energies from -1 to 1 eV/atom, and forces of 0.01 or of 4 eV/Å."""
    structures = [random_structure(k, n=8, species=("Li",)) for k in range(3)]
    energies = [8 * (-5.0 + level) for level in (-1.0, 0.0, 1.0)]
    settings = QUICK.model_copy(update={"validation_fraction": 0.0})
    for size, scale in ((0.01, 1.0), (4.0, 0.25)):
        forces = [np.full((8, 3), size)] * 3
        ready = prepare_training(structures, energies, settings, forces=forces)
        assert ready.energy_scale == pytest.approx(scale)
        normalisation = ready.parametrisation.normalisation
        assert normalisation.energy_shift + normalisation.atomic_energies == (
            pytest.approx([-5.0])
        )


def test_the_loss_counts_errors_per_atom_of_each_structure():
    """With all weights zero the networks say zero: what is left is what is known."""
    structures = [
        random_structure(k, n=n, species=("Li",)) for k, n in enumerate((2, 8))
    ]
    energies = [2 * -5.0, 8 * -7.0]
    settings = QUICK.model_copy(
        update={"validation_fraction": 0.0, "weight_decay": 0.0}
    )
    ready = prepare_training(structures, energies, settings)
    ((loss, _, row),) = ready.evaluate([0], np.zeros((1, ready.starts.shape[1])))
    # -1 and 1 eV/atom from the middle, which the scale makes -1 and 1
    assert ready.energy_scale == pytest.approx(1.0)
    assert loss == pytest.approx(settings.energy_weight * 1.0)
    assert row[1] == pytest.approx(1.0)


def test_reference_energies_fit_the_energies_per_atom():
    """-1 eV/atom and -2 eV/atom weigh the same, however many atoms there are."""
    found = fit_atomic_energies(
        np.array([[1], [3]]), np.array([-1.0, -6.0]), None, ["Li"]
    )
    assert found == pytest.approx([-1.5])


def test_groups_of_what_was_not_seen_are_held_out_whole():
    groups = ["a", "b", "b", "b", "b", "c", "c", "c", "d", "d"]
    settings = TrainingSettings(validation_fraction=0.5, split="group")
    counts, unseen = np.ones((10, 1), int), np.arange(5, 10)
    held = set()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        _, chosen = hold_out(counts, groups, settings, rng, unseen)
        held.add(tuple(chosen.tolist()))
    assert held <= {(5, 6, 7), (8, 9)}


def test_all_forces_count_where_no_limit_is_set():
    sources, energies, forces = with_a_wild_one()
    free = QUICK.model_copy(update={"max_force": None})
    result = train_potential(STRUCTURES, energies, free, forces=forces, sources=sources)
    assert {*result.training_indices, *result.validation_indices} == set(range(30))
    assert result.by_source["md"].n_structures == 2


def test_a_limit_that_leaves_nothing_is_refused():
    small = QUICK.model_copy(update={"max_force": 1e-9})
    with pytest.raises(TrainingError, match=r"max_force = 1e-09: every structure"):
        train_potential(STRUCTURES, ENERGIES, small, forces=FORCES)


def test_it_says_when_nothing_was_learned(caplog):
    warm = QUICK.model_copy(update={"warm_iterations": 10})
    first = train_potential(STRUCTURES, ENERGIES, warm)
    assert "training began with" not in caplog.text
    # what is trained on contradicts what is held out, and the weights know that
    moved = np.array(ENERGIES)
    for k in first.training_indices:
        moved[k] += 2.0 * len(STRUCTURES[k])
    again = train_potential(STRUCTURES, moved, warm, previous=first.potential)
    assert again.history[again.potential.best].best_iteration == 0
    assert "these are the weights that training began with" in caplog.text


def test_going_on_holds_out_what_was_not_seen():
    warm = QUICK.model_copy(update={"warm_iterations": 10})
    first = train_potential(STRUCTURES[:20], ENERGIES[:20], warm)

    def held_out(n_seen, previous=first.potential, **facts):
        result = train_potential(
            STRUCTURES, ENERGIES, warm, previous=previous, n_seen=n_seen, **facts
        )
        assert {*result.training_indices, *result.validation_indices} == set(range(30))
        return set(result.validation_indices)

    assert len(held_out(20)) == 1
    assert min(held_out(20)) >= 20
    # two large ones would both be lost to one side
    assert len(held_out(20, groups=[index // 5 for index in range(30)])) == 1
    # from random weights all may be held out
    assert held_out(20, previous=None) == held_out(0, previous=None)
    assert len(held_out(20, previous=None)) == 3


def test_new_groups_stay_whole_where_they_are_small():
    warm = QUICK.model_copy(update={"warm_iterations": 10, "validation_fraction": 0.4})
    first = train_potential(STRUCTURES[:20], ENERGIES[:20], warm)
    pairs = [index // 2 for index in range(30)]
    held = train_potential(
        STRUCTURES,
        ENERGIES,
        warm,
        groups=pairs,
        previous=first.potential,
        n_seen=20,
    ).validation_indices
    assert len(held) == 4
    assert min(held) >= 20
    assert len({pairs[index] for index in held}) == 2


@pytest.mark.parametrize("n_seen", [19, 29, 30])
def test_weights_that_know_too_little_or_all_are_not_begun_with(n_seen):
    warm = QUICK.model_copy(update={"warm_iterations": 10})
    first = train_potential(STRUCTURES[:n_seen], ENERGIES[:n_seen], warm)
    anew = train_potential(STRUCTURES, ENERGIES, warm)
    again = train_potential(
        STRUCTURES, ENERGIES, warm, previous=first.potential, n_seen=n_seen
    )
    assert again.potential.identifier == anew.potential.identifier


def test_weights_that_know_too_little_are_begun_with_where_asked_for():
    warm = QUICK.model_copy(update={"warm_iterations": 10})
    first = train_potential(STRUCTURES[:19], ENERGIES[:19], warm)
    on = train_potential(
        STRUCTURES,
        ENERGIES,
        warm,
        previous=first.potential,
        n_seen=19,
        further=True,
    )
    assert all(len(run.training) == 11 for run in on.history)
    assert min(on.validation_indices) >= 19


def test_a_number_of_seen_structures_that_cannot_be_is_refused():
    with pytest.raises(TrainingError, match=r"n_seen = 31: .* from 0 to 30"):
        train_potential(STRUCTURES, ENERGIES, QUICK, n_seen=31)


def test_learns_energies():
    result = train_potential(STRUCTURES, ENERGIES, QUICK)
    assert len(result.committee) == len(result.history) == 3
    assert len(result.validation_indices) == 3
    assert not set(result.validation_indices) & set(result.training_indices)
    per_atom = [e / len(s) for e, s in zip(ENERGIES, STRUCTURES, strict=True)]
    spread = 1000 * np.std(per_atom)
    assert result.training.rmse < 0.2 * spread
    scores = [min(h.validation) for h in result.history]
    assert result.potential.best == int(np.argmin(scores))
    assert result.validation.rmse == pytest.approx(min(scores), rel=1e-6)
    for h in result.history:
        assert h.validation[h.best_iteration] == min(h.validation)
        assert len(h.training) == len(h.validation) <= 26
        assert h.n_evaluations >= len(h.training)
        assert h.message


def test_reported_errors_are_those_of_the_potential():
    result = train_potential(STRUCTURES, ENERGIES, QUICK, forces=FORCES)
    held = result.validation_indices
    found = [result.potential.evaluate(STRUCTURES[k]) for k in held]
    misses = np.array(
        [
            1000 * (f.energy - ENERGIES[k]) / len(STRUCTURES[k])
            for f, k in zip(found, held, strict=True)
        ]
    )
    assert result.validation.rmse == pytest.approx(np.sqrt((misses**2).mean()))
    assert result.validation.mae == pytest.approx(np.abs(misses).mean())
    assert result.validation.max == pytest.approx(np.abs(misses).max())
    pulls = np.concatenate(
        [(f.forces - FORCES[k]).ravel() for f, k in zip(found, held, strict=True)]
    )
    assert result.validation.force_rmse == pytest.approx(np.sqrt((pulls**2).mean()))
    best = result.history[result.potential.best]
    assert best.validation_forces[best.best_iteration] == pytest.approx(
        result.validation.force_rmse, rel=1e-6
    )


def test_forces_help():
    few, energies, forces = teach(25)
    new, new_energies, new_forces = teach(10, seed=500)
    settings = QUICK.model_copy(update={"iterations": 80})
    alone = train_potential(few, energies, settings).potential
    helped = train_potential(few, energies, settings, forces=forces).potential
    a = assess(alone, new, new_energies, new_forces)["all"]
    b = assess(helped, new, new_energies, new_forces)["all"]
    assert b.force_mae < 0.8 * a.force_mae


def test_same_seed_same_weights_other_seed_others():
    a = train_potential(STRUCTURES, ENERGIES, QUICK, forces=FORCES)
    b = train_potential(STRUCTURES, ENERGIES, QUICK, forces=FORCES)
    c = train_potential(
        STRUCTURES, ENERGIES, QUICK.model_copy(update={"seed": 1}), forces=FORCES
    )
    assert a.potential.identifier == b.potential.identifier != c.potential.identifier
    assert a.validation_indices == b.validation_indices
    two = QUICK.model_copy(update={"threads": 2})
    d = train_potential(STRUCTURES, ENERGIES, two, forces=FORCES)
    assert d.potential.identifier == a.potential.identifier


def test_restarts_differ():
    result = train_potential(STRUCTURES, ENERGIES, QUICK)
    energies = {round(m.evaluate(STRUCTURES[0]).energy, 9) for m in result.committee}
    assert len(energies) == 3
    assert result.potential.evaluate(STRUCTURES[0], committee=True).energy_std > 0


def test_statistics_come_from_the_training_part_only():
    result = train_potential(STRUCTURES, ENERGIES, QUICK)
    norm, d = result.potential.normalisation, result.potential.descriptor
    rows = {z: [] for z in range(3)}
    for k in result.training_indices:
        g = d.features(STRUCTURES[k])
        for z, symbol in enumerate(d.species):
            rows[z].append(g[STRUCTURES[k].symbols == symbol])
    for z in range(3):
        g = np.concatenate(rows[z])
        assert norm.n_atoms[z] == len(g)
        assert np.allclose(norm.mean[z], g.mean(axis=0))
        assert np.allclose(norm.std[z], g.std(axis=0))


def test_whole_groups_are_held_out():
    groups = [f"run {k // 5}" for k in range(30)]
    result = train_potential(STRUCTURES, ENERGIES, QUICK, groups=groups)
    held = {groups[k] for k in result.validation_indices}
    assert held
    assert not held & {groups[k] for k in result.training_indices}
    by_chance = train_potential(
        STRUCTURES,
        ENERGIES,
        QUICK.model_copy(update={"split": "random"}),
        groups=groups,
    )
    assert len(by_chance.validation_indices) == 3


def test_errors_by_source_and_composition():
    sources = ["strained" if k % 2 else "md" for k in range(30)]
    result = train_potential(STRUCTURES, ENERGIES, QUICK, sources=sources)
    assert {"strained", "md"} <= set(result.by_source)
    assert any(key.endswith("(validation)") for key in result.by_source)
    assert result.by_source["md"].n_structures == 15
    plain = [k for k in result.by_composition if not k.endswith(")")]
    assert sum(result.by_composition[k].n_structures for k in plain) == 30
    errors = result.potential.metadata["errors"]
    assert errors["by_source"]["md"]["rmse"] == result.by_source["md"].rmse


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("whitening", [None, 0.01])
def test_gradient_of_the_loss(activation, whitening):
    settings = QUICK.model_copy(update={"activation": activation, "hidden": (3, 2)})
    data = TrainingData.collect(
        STRUCTURES[:5],
        ENERGIES[:5],
        settings,
        forces=[*FORCES[:3], None, FORCES[4]],
        groups=None,
        sources=None,
    )
    features = data.descriptor.batch_features(data.batch)
    train = np.arange(5)
    norm = normalise(data, features, train, data.forces, settings)
    parametrisation = Parametrisation.of(data, norm, features, train, settings)
    objective = Objective(
        parametrisation,
        make_chunks(parametrisation, data, features, data.forces, train),
        energy_weight=1.0,
        force_weight=0.3,
        weight_decay=5.0,
        threads=1,
    )
    rng = np.random.default_rng(0)
    x = np.array([parametrisation.random(rng) for _ in range(2)])
    step = 1e-5 * rng.normal(size=x.shape)
    slope = (objective(x + step).loss - objective(x - step).loss) / 2
    found = (objective(x).gradient * step).sum(axis=1)
    assert np.allclose(found, slope, rtol=1e-5, atol=1e-12)


def test_start_is_drawn_as_aenet_does():
    layout = Layout((24, 15, 1), ("tanh", "linear"), 0)
    x = layout.random(np.random.default_rng(0))
    first, last = x[: 25 * 15], x[25 * 15 :]
    assert 0.9 < np.abs(first).max() / np.sqrt(3 / 25) <= 1
    assert 0.6 < np.abs(last).max() / np.sqrt(3 / 16) <= 1


def test_interrupted_training_resumes_to_the_same_weights(tmp_path, monkeypatch):
    path = tmp_path / "record"
    straight = train_potential(STRUCTURES, ENERGIES, QUICK, forces=FORCES)
    honest = training_module._evaluator
    counts = []

    def interrupting(stop_after):
        def make(*args):
            evaluate = honest(*args)

            def wrapped(members, points):
                counts.append(1)
                if len(counts) > stop_after:
                    raise KeyboardInterrupt
                return evaluate(members, points)

            return wrapped

        monkeypatch.setattr(training_module, "_evaluator", make)

    arguments = (STRUCTURES, ENERGIES, QUICK)
    for stop_after in (8, 6):
        counts.clear()
        interrupting(stop_after)
        with pytest.raises(KeyboardInterrupt):
            train_potential(*arguments, forces=FORCES, checkpoint=path)
    assert path.exists()
    data = path.read_bytes()
    path.write_bytes(data[:-7])
    counts.clear()
    interrupting(10_000)
    resumed = train_potential(*arguments, forces=FORCES, checkpoint=path)
    assert resumed.potential.identifier == straight.potential.identifier
    assert len(counts) < max(h.n_evaluations for h in straight.history) - 8
    assert not path.exists()


def test_record_of_other_data_is_not_used(tmp_path, monkeypatch):
    path = tmp_path / "record"
    path.write_bytes(b"something else entirely" * 10)
    result = train_potential(STRUCTURES, ENERGIES, QUICK, checkpoint=path)
    plain = train_potential(STRUCTURES, ENERGIES, QUICK)
    assert result.potential.identifier == plain.potential.identifier


def test_failed_line_search_is_logged_and_stops(monkeypatch, caplog):
    honest = training_module._evaluator

    def lying(*args):
        evaluate = honest(*args)

        def wrapped(members, points):
            return [
                (f, -g if k == 1 else g, more)
                for k, (f, g, more) in zip(
                    members, evaluate(members, points), strict=True
                )
            ]

        return wrapped

    monkeypatch.setattr(training_module, "_evaluator", lying)
    with caplog.at_level(logging.WARNING):
        result = train_potential(STRUCTURES, ENERGIES, QUICK)
    assert [h.line_search_failed for h in result.history] == [False, True, False]
    assert "restart 1 stopped" in caplog.text


def test_patience_ends_a_restart_early():
    settings = QUICK.model_copy(update={"iterations": 400, "patience": 3})
    result = train_potential(STRUCTURES, ENERGIES, settings)
    for h in result.history:
        assert len(h.training) - 1 - h.best_iteration <= 3


def test_errors_of_the_evaluation_reach_the_caller(monkeypatch):
    def broken(*args):
        def evaluate(members, points):
            raise RuntimeError("broken")

        return evaluate

    monkeypatch.setattr(training_module, "_evaluator", broken)
    with pytest.raises(RuntimeError, match="broken"):
        train_potential(STRUCTURES, ENERGIES, QUICK)


def test_progress_bar_runs(capsys):
    train_potential(STRUCTURES, ENERGIES, QUICK, progress=True)
    assert "meV/atom" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"structures": []}, "len\\(energies\\)"),
        ({"structures": [], "energies": []}, "no structure"),
        ({"energies": ENERGIES[:-1]}, "len\\(energies\\)"),
        ({"energies": [*ENERGIES[:-1], np.nan]}, "energies\\[29\\]"),
        ({"energies": [*ENERGIES[:-1], None]}, "energies\\[29\\]"),
        ({"energies": np.ones((30, 2))}, "shape \\(30,\\)"),
        ({"energies": ["low"] * 30}, "not numbers"),
        ({"energies": -3.0}, "len\\(energies\\)"),
        ({"forces": FORCES[1:]}, "len\\(forces\\)"),
        ({"forces": [*FORCES[:-1], np.zeros((2, 3))]}, "forces\\[29\\]"),
        ({"forces": [*FORCES[:-1], FORCES[-1] * np.nan]}, "forces\\[29\\]"),
        ({"forces": [*FORCES[:-1], [[0, 0], [0]]]}, "forces\\[29\\]"),
        ({"forces": [f.ravel() for f in FORCES]}, "forces\\[0\\]"),
        ({"groups": ["a"]}, "len\\(groups\\)"),
        ({"groups": ["a"] * 30}, "one group"),
        ({"structures": STRUCTURES[:1], "energies": ENERGIES[:1]}, "too few"),
    ],
)
def test_unusable_training_sets(arguments, expected):
    with pytest.raises(TrainingError, match=expected):
        train_potential(
            **{"structures": STRUCTURES, "energies": ENERGIES, **arguments},
            settings=QUICK,
        )


def test_what_is_not_a_structure():
    with pytest.raises(StructureError, match="not a structure"):
        train_potential(["Li3PS4.cif"] * 30, ENERGIES, QUICK)
    with pytest.raises(TrainingError, match="no set"):
        train_potential(STRUCTURES[0], ENERGIES[:1], QUICK)


def test_features_that_hardly_vary_are_switched_off(caplog):
    """A spread below what mean and mean square can carry would be amplified noise."""
    cells = [Atoms("Li", cell=[3.0] * 3, pbc=True) for _ in range(4)]
    with caplog.at_level(logging.WARNING):
        result = train_potential(cells, [-1.9, -1.9, -1.8, -1.8], QUICK)
    assert "8 of 8 features of Li are constant" in caplog.text
    assert not result.potential.normalisation.inverse_std.any()


def test_huge_energies_of_one_composition():
    """All-electron totals: reference energies take the bulk, errors stay the same."""
    shift = -1.4e4
    chosen = [k for k, s in enumerate(STRUCTURES) if len(s) == 8]
    cells = [STRUCTURES[k].copy() for k in chosen]
    for structure in cells:
        structure.symbols = "Li3PS4"
    energies = np.array([ENERGIES[k] for k in chosen])
    plain = train_potential(cells, energies, QUICK)
    huge = train_potential(cells, energies + 8 * shift, QUICK)
    assert huge.validation.rmse == pytest.approx(plain.validation.rmse, rel=1e-3)


def test_split_by_group_needs_groups():
    settings = QUICK.model_copy(update={"split": "group"})
    with pytest.raises(TrainingError, match="groups"):
        train_potential(STRUCTURES, ENERGIES, settings)


def test_settings_name_the_elements():
    settings = QUICK.model_copy(update={"species": ("Li", "P")})
    with pytest.raises(UnknownElementError):
        train_potential(STRUCTURES, ENERGIES, settings)
    settings = QUICK.model_copy(update={"species": ("S", "P", "Li", "O")})
    result = train_potential(STRUCTURES, ENERGIES, settings)
    assert result.potential.species == ("S", "P", "Li", "O")
    assert np.isfinite(result.potential.evaluate(STRUCTURES[0]).energy)


def test_a_single_structure_without_validation(caplog):
    settings = QUICK.model_copy(update={"validation_fraction": 0.0})
    result = train_potential(STRUCTURES[:1], ENERGIES[:1], settings)
    assert result.validation_indices == []
    assert result.training.rmse < 1e-3
    assert result.validation == result.training


def test_equal_energies_and_one_atom():
    cells = [Atoms("Li", cell=[3 + 0.1 * k] * 3, pbc=True) for k in range(6)]
    result = train_potential(cells, [-1.9] * 6, QUICK)
    assert result.validation.rmse < 50


def test_atomic_energies_given_or_fitted():
    counts = np.array([[2, 1], [4, 2], [1, 3]])
    energies = counts @ [-1.0, -3.0]
    fitted = fit_atomic_energies(counts, energies, None, ["Li", "S"])
    assert np.allclose(fitted, [-1, -3])
    one = fit_atomic_energies(counts[:2], energies[:2], None, ["Li", "S"])
    assert np.allclose(counts[:2] @ one, energies[:2])
    given = fit_atomic_energies(counts, energies, {"Li": 5.0, "S": 6.0}, ["Li", "S"])
    assert given.tolist() == [5.0, 6.0]
    with pytest.raises(TrainingError, match="S"):
        fit_atomic_energies(counts, energies, {"Li": 5.0}, ["Li", "S"])
    settings = QUICK.model_copy(
        update={"atomic_energies": {"Li": 1.0, "P": 2.0, "S": 3.0}}
    )
    result = train_potential(STRUCTURES, ENERGIES, settings)
    assert result.potential.normalisation.atomic_energies.tolist() == [1.0, 2.0, 3.0]


def test_rare_elements_stay_in_training():
    counts = np.ones((10, 2), int)
    counts[:9, 1] = 0
    for seed in range(30):
        train, held = hold_out(
            counts,
            None,
            TrainingSettings(validation_fraction=0.3),
            np.random.default_rng(seed),
        )
        assert 9 in train
        assert len(train) + len(held) == 10


@pytest.mark.parametrize(
    ("sizes", "most"),
    [((20, 3, 3, 2, 2), 5), ((5,) * 8, 5), ((29, 1), 1), ((100, 99, 100), 99)],
)
def test_group_split_is_near_the_fraction(sizes, most):
    groups = [k for k, n in enumerate(sizes) for _ in range(n)]
    counts = np.ones((len(groups), 1), int)
    for seed in range(20):
        train, held = hold_out(
            counts, groups, TrainingSettings(), np.random.default_rng(seed)
        )
        assert 1 <= len(held) <= most
        assert len(train) >= 1
        assert not {groups[k] for k in held} & {groups[k] for k in train}


def test_force_fraction_and_partial_forces():
    some = [f if k % 3 else None for k, f in enumerate(FORCES)]
    settings = QUICK.model_copy(update={"force_fraction": 0.5})
    result = train_potential(STRUCTURES, ENERGIES, settings, forces=some)
    assert result.training.force_rmse > 0
    none = train_potential(STRUCTURES, ENERGIES, QUICK, forces=[None] * 30)
    assert none.training.force_rmse is None
    assert none.history[0].training_forces == []


def test_forces_alone_are_learned_where_no_held_out_structure_has_them(caplog):
    settings = QUICK.model_copy(update={"energy_weight": 0.0, "force_weight": 1.0})
    held = train_potential(STRUCTURES, ENERGIES, settings, forces=FORCES)
    assert "no held-out structure has them" not in caplog.text
    some = [None if k in held.validation_indices else f for k, f in enumerate(FORCES)]
    result = train_potential(STRUCTURES, ENERGIES, settings, forces=some)
    assert result.validation_indices == held.validation_indices
    assert "no held-out structure has them" in caplog.text
    best = result.history[result.potential.best]
    assert best.best_iteration > 0
    assert result.training.force_rmse < best.training_forces[0]


@pytest.mark.parametrize("forces", [None, [None] * 30])
def test_a_weight_of_forces_that_nobody_has_is_refused(forces):
    settings = QUICK.model_copy(update={"force_weight": 0.3})
    with pytest.raises(TrainingError, match=r"force_weight = 0\.3: no structure has"):
        train_potential(STRUCTURES, ENERGIES, settings, forces=forces)


def test_trained_potential_goes_through_aenet_files(tmp_path):
    result = train_potential(STRUCTURES, ENERGIES, QUICK)
    potential = result.potential
    back = type(potential).from_aenet(potential.to_aenet(tmp_path))
    a, b = potential.evaluate(STRUCTURES[0]), back.evaluate(STRUCTURES[0])
    assert a.energy == pytest.approx(b.energy, abs=1e-12)
    assert np.allclose(a.forces, b.forces, atol=1e-12)
