import numpy as np
import pytest
import scipy
from ase import Atoms
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.chemistry import crystal, remove_units
from lps_flows.potential import (
    PotentialError,
    RelaxationSettings,
    SinglePointRelaxation,
    StructureError,
    Trial,
    relax_batch,
    relax_by_single_points,
)
from lps_flows.potential.difference import DifferenceModel
from lps_flows.potential.plain_relaxation import relax_plainly
from lps_flows.potential.single_point_record import Standing
from lps_flows.potential.unknowns import Unknowns
from tests.potential.toy import random_potential
from tests.toy_potential import ToyPotential, ToyResult

THRESHOLDS = {"fmax": 0.02, "max_stress": 6.2e-4}


class Reference:
    """The toy potential with another repulsion and a field of another shape."""

    def __init__(self, softer: float = 2.0) -> None:
        self.softer, self.n_calls, self.seen = softer, 0, []
        self._toy = ToyPotential()

    def __call__(self, structure):
        self.n_calls += 1
        self.seen.append(structure)
        (found,) = self._toy.evaluate([structure])
        atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
        pairs = self._pairs(atoms)
        return (
            found.energy + pairs.energy,
            found.forces + pairs.forces,
            found.stress + pairs.stress,
        )

    def _pairs(self, atoms):
        from vesin import NeighborList

        i, j, d, vectors = NeighborList(cutoff=5.0, full_list=True).compute(
            points=atoms.positions,
            box=atoms.cell.array,
            periodic=True,
            quantities="ijdD",
        )
        x, kind = 1.0 - d / 5.0, atoms.numbers
        depth = self.softer * np.where(kind[i] == kind[j], -0.5, 1.0)
        value, slope = -depth * x**3, depth * 3.0 / 5.0 * x**2
        pull = (slope / d)[:, None] * vectors
        force = np.zeros((len(atoms), 3))
        np.add.at(force, i, pull)
        virial = 0.5 * np.einsum("pa,pb->ab", pull, vectors)
        return ToyResult(float(0.5 * value.sum()), force, virial / atoms.get_volume())


@pytest.fixture(scope="module")
def start():
    """A minimum of the toy potential, with a property of its sites."""
    glass = remove_units(crystal("gamma-Li3PS4"), "Li2S", 1, np.random.default_rng(3))
    settings = RelaxationSettings(
        max_steps=400,
        max_force=0.005,
        max_stress=1e-4,
        max_volume_change=3,
        min_distance=0.3,
    )
    (relaxed,) = relax_batch([glass], ToyPotential(), settings)
    assert relaxed.converged
    structure = relaxed.structure
    structure.add_site_property("label", [f"a{k}" for k in range(len(structure))])
    return structure


@pytest.fixture(scope="module")
def led(start):
    return relax_by_single_points(start, Reference(), ToyPotential(), **THRESHOLDS)


def plainly(start, reference, **settings):
    settings = {**THRESHOLDS, "max_evaluations": 400, "why": "a test", **settings}
    return relax_plainly(start, reference, **settings)


def rotated(structure, seed):
    axes, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    axes *= np.linalg.det(axes)
    return Structure(
        Lattice(structure.lattice.matrix @ axes),
        structure.species,
        structure.frac_coords,
    )


def test_it_ends_where_the_plain_one_does_for_a_fraction(start, led):
    plain = plainly(start, Reference())
    assert led.converged
    assert plain.converged
    assert led.reason is None
    assert led.energy / len(start) < plain.energy / len(start) + 3e-4
    assert led.n_evaluations <= plain.n_evaluations / 3


def test_the_end_is_what_the_reference_says_of_it(start, led):
    energy, forces, stress = Reference()(led.structure)
    assert energy == pytest.approx(led.energy, abs=1e-9)
    np.testing.assert_allclose(forces, led.forces, atol=1e-9)
    assert np.linalg.norm(forces, axis=1).max() < 0.02
    assert np.abs(stress).max() < 6.2e-4


def test_atoms_keep_their_order_and_properties(start, led):
    assert led.structure.species == start.species
    assert led.structure.site_properties == start.site_properties
    far = led.structure.distance_matrix[0, 0]
    assert far == pytest.approx(0.0)


def test_the_start_is_evaluated_first_and_every_answer_is_a_label(start):
    reference = Reference()
    result = relax_by_single_points(start, reference, ToyPotential(), **THRESHOLDS)
    np.testing.assert_allclose(
        reference.seen[0].cart_coords, start.cart_coords, atol=1e-9
    )
    assert reference.n_calls == result.n_evaluations == len(result.evaluated)
    for seen, (structure, energy, forces, stress) in zip(
        reference.seen, result.evaluated, strict=True
    ):
        assert structure == seen
        again = Reference()(structure)
        assert again[0] == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(again[1], forces, atol=1e-9)
        np.testing.assert_allclose(again[2], stress, atol=1e-9)


def test_a_start_below_the_thresholds_costs_little(led):
    again = relax_by_single_points(
        led.structure, Reference(), ToyPotential(), **THRESHOLDS
    )
    assert again.converged
    assert again.n_evaluations <= 2
    assert again.energy <= led.energy + 1e-6


def test_the_frame_and_the_order_of_atoms_do_not_matter(start, led):
    turned = rotated(start, 5)
    order = np.random.default_rng(0).permutation(len(start))
    shuffled = Structure.from_sites([start[int(k)] for k in order])
    for other in (turned, shuffled):
        result = relax_by_single_points(
            other, Reference(), ToyPotential(), **THRESHOLDS
        )
        assert result.converged
        assert result.energy == pytest.approx(led.energy, abs=1e-3 * len(start))
        assert abs(result.n_evaluations - led.n_evaluations) <= 3


def test_made_anew_from_its_trials_it_goes_on_as_if_unbroken(start):
    reference, potential = Reference(), ToyPotential()
    unbroken = SinglePointRelaxation(start, potential, **THRESHOLDS)
    trials = []
    while (structure := unbroken.propose()) is not None:
        restarted = SinglePointRelaxation(
            start,
            ToyPotential(),
            **THRESHOLDS,
            trials=[Trial.model_validate_json(t) for t in trials],
        )
        assert restarted.propose() == structure
        unbroken.answer(*reference(structure))
        trials = [trial.model_dump_json() for trial in unbroken.trials]
    assert len(trials) > 3
    assert unbroken.result().converged


def test_asked_twice_it_proposes_the_same(start):
    relaxation = SinglePointRelaxation(start, ToyPotential())
    assert relaxation.propose() == relaxation.propose()
    assert relaxation.trials == []


def test_too_few_evaluations_return_the_lowest_with_the_reason(start):
    result = relax_by_single_points(
        start, Reference(), ToyPotential(), **THRESHOLDS, max_evaluations=3
    )
    assert not result.converged
    assert result.n_evaluations == 3
    assert "3 evaluations" in result.reason
    assert result.energy == min(energy for _, energy, _, _ in result.evaluated)


@pytest.mark.parametrize("kind", ["raises", "nan", "inf stress"])
def test_a_failed_evaluation_costs_that_step_and_is_told(start, led, kind):
    class Failing(Reference):
        def __call__(self, structure):
            energy, forces, stress = super().__call__(structure)
            if self.n_calls in (3, 4):
                if kind == "raises":
                    raise ValueError("SCF did not converge")
                if kind == "nan":
                    energy = float("nan")
                else:
                    stress = stress * np.inf
            return energy, forces, stress

    reference = Failing()
    result = relax_by_single_points(start, reference, ToyPotential(), **THRESHOLDS)
    assert result.converged
    assert result.energy == pytest.approx(led.energy, abs=3e-4 * len(start))
    assert result.n_evaluations <= led.n_evaluations + 8
    assert result.n_evaluations == len(result.evaluated) + 2
    assert f"2 of {result.n_evaluations} evaluations failed" in result.reason
    assert ("SCF" in result.reason) == (kind == "raises")
    lowest, tried, shorter = (reference.seen[k] for k in (1, 2, 3))
    far = [
        np.linalg.norm(lowest.cart_coords - s.cart_coords, axis=1).max()
        for s in (tried, shorter)
    ]
    assert far[1] < 0.8 * far[0]


def test_a_reference_that_always_fails_gives_back_the_start(start):
    def broken(structure):
        raise RuntimeError("no licence")

    result = relax_by_single_points(start, broken, ToyPotential())
    assert not result.converged
    assert result.n_evaluations < 10
    assert "no licence" in result.reason
    assert np.isnan(result.energy)
    np.testing.assert_allclose(result.structure.cart_coords, start.cart_coords)


def test_a_potential_without_an_element_is_left_aside_with_the_reason(start):
    result = relax_by_single_points(
        start,
        Reference(),
        random_potential(("Li", "S")),
        **THRESHOLDS,
        max_evaluations=400,
    )
    assert result.converged
    assert "element" in result.reason
    assert "P" in result.reason
    assert result.n_evaluations == len(result.evaluated)


def test_a_potential_whose_hessian_is_not_finite_is_left_aside(start):
    class Sick(ToyPotential):
        def _one(self, structure):
            found = super()._one(structure)
            found.forces[0] = np.nan
            return found

    reference = Reference()
    result = relax_by_single_points(start, reference, Sick(), max_evaluations=5)
    assert "Hessian is not finite" in result.reason
    assert "5 evaluations" in result.reason
    assert result.n_evaluations == reference.n_calls == 5
    assert not result.converged


def test_without_a_potential_failures_are_survived_too(start):
    class Failing(Reference):
        def __call__(self, structure):
            answer = super().__call__(structure)
            return (np.nan, *answer[1:]) if self.n_calls == 5 else answer

    result = relax_by_single_points(
        start, Failing(), None, **THRESHOLDS, max_evaluations=400
    )
    assert result.converged
    assert "there is no potential" in result.reason
    assert f"1 of {result.n_evaluations} evaluations failed" in result.reason
    assert result.structure.site_properties == start.site_properties


def test_without_a_potential_what_was_answered_outlives_failures(start):
    class Lost(Reference):
        def __call__(self, structure):
            answer = super().__call__(structure)
            if self.n_calls > 5:
                raise RuntimeError("queue lost")
            return answer

    moved = start.copy()
    moved.perturb(0.1, seed=1)
    result = relax_by_single_points(moved, Lost(), None, **THRESHOLDS)
    assert not result.converged
    assert "queue lost" in result.reason
    assert len(result.evaluated) == 5
    assert result.energy == min(energy for _, energy, _, _ in result.evaluated)
    energy, forces, stress = Reference()(result.structure)
    assert energy == pytest.approx(result.energy, abs=1e-9)
    np.testing.assert_allclose(forces, result.forces, atol=1e-9)
    np.testing.assert_allclose(stress, result.stress, atol=1e-9)


def test_a_misleading_potential_costs_evaluations_not_the_end(start, led):
    wrong = random_potential(seed=4)
    result = relax_by_single_points(
        start, Reference(), wrong, **THRESHOLDS, max_evaluations=12
    )
    assert result.energy <= max(e for _, e, _, _ in result.evaluated[:1])


def trial(energy=0.0, *, force=1.0, stress=0.0, at=0.0, n_atoms=4, **more):
    """Return an answer with one force along x, and the atoms moved along it."""
    forces = np.zeros((n_atoms, 3))
    forces[0, 0] = force
    moved = np.zeros((n_atoms + 2, 3))
    moved[:n_atoms, 0] = at
    known = {"unknowns": moved.ravel().tolist(), "energy": energy}
    known |= {"forces": forces.tolist(), "stress": (stress * np.eye(3)).tolist()}
    return Trial(**{**known, **more})


def after(*trials):
    return Standing.after(trials, fmax=0.02, max_stress=1e-3)


def test_caution_falls_with_what_was_foretold_and_doubles_where_the_energy_rose():
    first = trial(-1.0)
    assert after(first).caution == 0.5
    # more than half of what was foretold came true, or less
    assert after(first, trial(-1.6, predicted=1.0)).caution == 0.25
    assert after(first, trial(-1.4, predicted=1.0)).caution == 0.5
    rose = after(first, trial(-0.9, predicted=1.0))
    assert (rose.caution, rose.best) == (1.0, first)
    assert after(first, *[trial(-0.9)] * 9).caution == 20.0
    falls = [trial(-1.0 - k, predicted=1.0) for k in range(1, 9)]
    assert after(first, *falls).caution == 0.1


def test_the_end_is_the_lowest_below_both_thresholds():
    below = [trial(energy, force=0.01) for energy in (-1.0, -2.0, -1.5)]
    assert after(*below).ended is below[1]
    # the stress counts whether it pulls or presses
    for stress in (2e-3, -2e-3):
        assert after(trial(-1.0, force=0.01, stress=stress)).ended is None
    assert after(trial(-1.0, force=0.03)).ended is None


def test_a_probe_that_finds_less_than_a_structure_is_worth_has_found_nothing():
    """Of four atoms 0.2 meV are worth another evaluation."""
    first = trial(-1.0, force=0.01)
    for fall, nothing in ((1e-4, True), (3e-4, False)):
        probe = trial(-1.0 - fall, force=0.01, probe=True)
        assert after(first, probe).probed is nothing
    # nor does it say anything on the caution
    assert after(first, trial(-0.5, probe=True)).caution == 0.5


def test_a_failure_shortens_the_reach_until_there_is_an_answer():
    first = trial(-1.0)
    failed = trial(at=0.2, failure="no answer")
    standing = after(first, failed)
    assert (standing.failed, standing.reach) == (1, pytest.approx(0.1))
    assert after(first, failed, failed).reach == pytest.approx(0.05)
    assert after(first, failed, trial(-1.1)).reach == pytest.approx(0.3)


def test_a_probe_is_asked_for_where_it_is_worth_an_evaluation(start, monkeypatch):
    relaxation = SinglePointRelaxation(start, ToyPotential(), **THRESHOLDS)
    relaxation.propose()
    n_atoms = len(start)
    relaxation.answer(-1.0, np.zeros((n_atoms, 3)), np.zeros((3, 3)))
    for fall, asked in ((4e-5 * n_atoms, False), (6e-5 * n_atoms, True)):
        found = np.full(3 * n_atoms + 6, 0.01), fall
        monkeypatch.setattr(relaxation._guide, "lowest", lambda *_, f=found: f)
        assert (relaxation.propose() is not None) is asked


@pytest.mark.parametrize("wrong", ["fmax", "max_stress", "max_evaluations"])
def test_thresholds_are_positive(start, wrong):
    with pytest.raises(PotentialError, match=wrong):
        relax_by_single_points(start, Reference(), ToyPotential(), **{wrong: 0})


def test_a_disordered_structure_is_refused():
    mixed = Structure(Lattice.cubic(4.0), [{"Li": 0.5, "P": 0.5}], [[0, 0, 0]])
    with pytest.raises(StructureError, match="disordered"):
        relax_by_single_points(mixed, Reference(), ToyPotential())


@pytest.mark.parametrize("potential", [ToyPotential(), None])
def test_a_slab_is_refused_as_its_cell_would_relax(start, potential):
    lattice = Lattice(start.lattice.matrix, pbc=(True, True, False))
    slab = Structure(lattice, start.species, start.frac_coords)
    with pytest.raises(StructureError, match="periodic in all three"):
        relax_by_single_points(slab, Reference(), potential)


@pytest.mark.parametrize("potential", [ToyPotential(), None])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda energy, forces, _: (energy, forces, np.zeros(6)), "shape"),
        (lambda energy, forces, stress: (energy, forces.T, stress), "shape"),
        (lambda energy, forces, stress: (energy, forces.ravel(), stress), "shape"),
        (lambda energy, forces, _: (energy, forces, None), "shape"),
        (lambda energy, forces, _: (energy, forces), "not an energy"),
        (lambda *_: None, "not an energy"),
        (lambda _, forces, stress: (None, forces, stress), "not an energy"),
        (lambda _, forces, stress: (forces, forces, stress), "not an energy"),
        (lambda energy, _, stress: (energy, [[0.0] * 3, [0.0]], stress), "not an"),
    ],
)
def test_malformed_answers_are_refused(start, potential, change, message):
    def wrong(structure):
        return change(*Reference()(structure))

    with pytest.raises(PotentialError, match=message) as caught:
        relax_by_single_points(start, wrong, potential, max_evaluations=3)
    assert caught.value.field == "evaluate"


def test_the_gradient_by_the_unknowns_is_the_derivative(start):
    unknowns, rng = Unknowns(start), np.random.default_rng(1)
    u = rng.normal(scale=0.05, size=unknowns.size)
    direction, reference = rng.normal(size=unknowns.size), Reference()
    _, forces, stress = reference(unknowns.build(u))
    up, down = (
        reference(unknowns.build(u + sign * 1e-5 * direction))[0] for sign in (1, -1)
    )
    expected = unknowns.gradient(u, forces, stress) @ direction
    assert (up - down) / 2e-5 == pytest.approx(expected, rel=1e-6)


def test_a_unit_of_each_strain_is_as_long_as_any_other(start):
    """Stretch or shear: the logarithm of the deformation has the same norm."""
    unknowns, n_atoms = Unknowns(start), len(start)
    for k in range(6):
        u = np.zeros(unknowns.size)
        u[-6 + k] = 0.1
        cell = unknowns.build(u).lattice.matrix
        deformation = np.linalg.solve(start.lattice.matrix, cell)
        strain = scipy.linalg.logm(deformation)
        assert strain == pytest.approx(strain.T, abs=1e-9)
        assert np.linalg.norm(strain) == pytest.approx(0.1 / np.sqrt(n_atoms))


def test_the_hessian_is_symmetric_and_blind_to_translations(start):
    unknowns, potential = Unknowns(start), ToyPotential()
    hessian = unknowns.hessian(potential)
    assert potential.n_calls == 1
    assert potential.n_evaluated == 2 * (3 * len(start) + 6)
    np.testing.assert_allclose(hessian, hessian.T)
    shift = np.concatenate([np.tile([1.0, 0.0, 0.0], len(start)), np.zeros(6)])
    assert np.abs(hessian @ shift).max() < 1e-4 * np.abs(hessian).max()


def test_placing_at_the_origin_is_the_structure(start):
    unknowns = Unknowns(start)
    atoms = unknowns.place(np.zeros(unknowns.size))
    assert isinstance(atoms, Atoms)
    np.testing.assert_allclose(atoms.positions, start.cart_coords, atol=1e-12)
    np.testing.assert_allclose(atoms.cell.array, start.lattice.matrix, atol=1e-12)


def quadratic(size, rng):
    matrix = rng.normal(size=(size, size))
    curvature, slope = 0.2 * (matrix + matrix.T), rng.normal(size=size)
    return lambda x: (slope @ x + 0.5 * x @ curvature @ x, slope + curvature @ x)


def test_the_difference_is_met_at_the_points_and_uncertain_between():
    rng = np.random.default_rng(2)
    function, points = quadratic(20, rng), 0.3 * rng.normal(size=(6, 20))
    values = [function(x) for x in points]
    model = DifferenceModel(
        points, np.array([v for v, _ in values]), np.array([g for _, g in values])
    )
    centre = points[-1]
    assert model.mean(centre)[0] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(model.mean(centre)[1], values[-1][1], atol=1e-9)
    for x, (value, gradient) in zip(points, values, strict=True):
        expected, slope = model.mean(x)
        assert expected == pytest.approx(value - values[-1][0], abs=0.02)
        np.testing.assert_allclose(slope, gradient, atol=0.05)
    known = max(model.spread(x)[0] for x in points)
    assert model.spread(centre + rng.normal(size=20))[0] > 20 * known


def test_gradients_of_mean_and_spread_are_derivatives():
    rng = np.random.default_rng(3)
    function, points = quadratic(30, rng), 0.3 * rng.normal(size=(5, 30))
    values = [function(x) for x in points]
    model = DifferenceModel(
        points, np.array([v for v, _ in values]), np.array([g for _, g in values])
    )
    x, direction = 0.3 * rng.normal(size=30), rng.normal(size=30)
    for quantity in (model.mean, model.spread):
        up, down = (quantity(x + sign * 1e-5 * direction)[0] for sign in (1, -1))
        expected = quantity(x)[1] @ direction
        assert (up - down) / 2e-5 == pytest.approx(expected, rel=1e-5)


def test_the_difference_of_few_unknowns_is_learnt_from_many_points():
    rng = np.random.default_rng(4)
    function, points = quadratic(4, rng), 0.2 * rng.normal(size=(40, 4))
    values = [function(x) for x in points]
    model = DifferenceModel(
        points, np.array([v for v, _ in values]), np.array([g for _, g in values])
    )
    x = 0.2 * rng.normal(size=4)
    found = model.mean(x)[0]
    assert found == pytest.approx(function(x)[0] - values[-1][0], abs=0.02)


def test_a_reference_that_is_the_potential_teaches_nothing(start):
    def same(structure):
        (found,) = ToyPotential().evaluate([structure])
        return found.energy, found.forces, found.stress

    moved = start.copy()
    moved.perturb(0.1, seed=1)
    result = relax_by_single_points(moved, same, ToyPotential(), **THRESHOLDS)
    assert result.converged
    assert result.n_evaluations <= 4
    assert result.energy <= same(start)[0] + 1e-3
