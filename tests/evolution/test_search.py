import json
from dataclasses import replace

import numpy as np
import pytest

from lps_flows.chemistry import crystal
from lps_flows.evolution import (
    EvolutionSettings,
    NothingSurvivedError,
    OperatorWeights,
    RemovalProblem,
    ancestry,
    evolve,
)
from lps_flows.evolution.generator import freeze_generator, thaw_generator
from tests.evolution.conftest import UNRELAXED


def run(problem, relax, settings, start=None):
    return list(evolve(problem, relax, settings, start))


def signature(generations):
    return [
        (
            g.index,
            g.n_evaluations,
            g.rejections,
            g.weights,
            g.generator_state,
            [(m.identifier, m.operator, m.parents, m.energy) for m in g.population],
            [m.structure.frac_coords.tolist() for m in g.newborn],
        )
        for g in generations
    ]


def test_same_seed_same_run_and_other_seed_another(problem, relax, settings):
    first, again = (signature(run(problem, relax, settings)) for _ in range(2))
    assert first == again
    other = settings.model_copy(update={"seed": 6})
    assert signature(run(problem, relax, other)) != first


def test_resuming_from_any_generation_repeats_the_rest(problem, relax, settings):
    whole = run(problem, relax, settings)
    for k in range(len(whole) - 1):
        rest = run(problem, relax, settings, start=whole[k])
        assert signature(rest) == signature(whole[k + 1 :])


def test_population_is_sorted_distinct_bounded_and_never_gets_worse(
    problem, relax, settings
):
    generations = run(problem, relax, settings)
    best = [g.best.energy_per_atom for g in generations]
    assert best == sorted(best, reverse=True)
    for g in generations:
        energies = [m.energy_per_atom for m in g.population]
        assert energies == sorted(energies)
        assert len(g.population) <= settings.population
        assert len({m.identifier for m in g.population}) == len(g.population)
    assert generations[-1].stopped == "generations"
    assert generations[-1].n_evaluations == sum(len(g.newborn) for g in generations)


def test_every_generation_is_one_batched_call(problem, relax, settings):
    sizes = []

    def counting(structures):
        sizes.append(len(structures))
        return relax(structures)

    generations = run(problem, counting, settings)
    assert sizes == [len(g.newborn) for g in generations]
    assert sizes == [settings.population] * 4


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"evaluations": 10}, "evaluations"),
        ({"generations": 50, "patience": 1, "improvement": 10.0}, "no improvement"),
        ({"generations": 0}, "generations"),
    ],
)
def test_stops(problem, relax, settings, update, reason):
    generations = run(problem, relax, settings.model_copy(update=update))
    assert generations[-1].stopped == reason
    if reason == "evaluations":
        assert generations[-1].n_evaluations == 10


def test_patience_is_the_number_of_generations_without_improvement(
    problem, relax, settings
):
    patient = {"generations": 50, "patience": 2, "improvement": 10.0}
    generations = run(problem, relax, settings.model_copy(update=patient))
    assert [g.stale for g in generations] == [0, 1, 2]


def test_the_first_generation_fills_the_population_however_few_children(
    problem, relax, settings
):
    few = settings.model_copy(update={"children": 2})
    generations = run(problem, relax, few)
    assert [len(g.newborn) for g in generations] == [settings.population, 2, 2, 2]


def test_odds_follow_success_after_the_first_generation_where_they_may(
    problem, relax, settings
):
    given = settings.weights.model_dump()
    first, second, *_ = run(problem, relax, settings)
    assert first.weights == given != second.weights
    fixed = settings.model_copy(update={"adaptive": False})
    assert all(g.weights == given for g in run(problem, relax, fixed))


def test_what_was_drawn_before_a_redraw_is_not_drawn_again(problem, relax, settings):
    calls = []

    def late(structures):
        calls.append(len(structures))
        failure = "exploded" if len(calls) <= 2 else None
        return [replace(result, failure=failure) for result in relax(structures)]

    (first,) = run(problem, late, settings.model_copy(update={"generations": 0}))
    assert first.restarts == 2
    genomes = {problem.canonical(one.removed) for one in first.newborn}
    assert len(genomes) == len(first.newborn) == 3 * settings.population


def test_a_small_space_is_exhausted_without_repeating_a_removal(problem, evaluate):
    settings = EvolutionSettings(
        population=4,
        generations=500,
        patience=None,
        weights=UNRELAXED,
        inherited_fraction=0,
    )
    generations = run(problem, evaluate, settings)
    assert generations[-1].stopped == "exhausted"
    genomes = [problem.canonical(i.removed) for g in generations for i in g.newborn]
    assert len(genomes) == len(set(genomes))
    assert sum(g.rejections.get("seen before", 0) for g in generations) > 0


def test_rejections_are_counted_by_reason_and_kept_out(problem, relax, settings):
    reasons = ["minimum distance", "exploded", "not finite", None, None, None]

    def failing(structures):
        results = relax(structures)
        return [
            replace(r, failure=reasons[i % 6], energy_std=0.2 if i == 3 else 0.001)
            for i, r in enumerate(results)
        ]

    generations = run(problem, failing, settings)
    assert generations[0].rejections == {
        "exploded": 1,
        "minimum distance": 1,
        "not finite": 1,
        "uncertain": 1,
    }
    for g in generations:
        assert all(m.rejection is None for m in g.population)
        counted = sum(
            n for r, n in g.rejections.items() if r != "seen before"
        ) - g.rejections.get("minimum distance before relaxation", 0)
        assert counted == sum(i.rejection is not None for i in g.newborn)


def test_duplicates_are_refused(problem, relax, settings):
    """A relaxation that forgets where it started gives one structure only."""
    (same,) = relax([problem.build(tuple(sorted((0, 1, 8))))])

    def forgetful(structures):
        return [same for _ in structures]

    generations = run(problem, forgetful, settings)
    assert len(generations[-1].population) == 1
    assert generations[0].rejections["duplicate"] == settings.population - 1
    # what is there already is valid: nothing is drawn anew for it
    assert [g.restarts for g in generations] == [0] * len(generations)


def test_an_empty_generation_is_redrawn_and_recorded(problem, relax, settings):
    calls = []

    def first_fails(structures):
        calls.append(len(structures))
        results = relax(structures)
        if len(calls) <= 2:
            return [replace(r, failure="exploded") for r in results]
        return results

    generations = run(problem, first_fails, settings)
    assert generations[0].restarts == 2
    assert generations[0].rejections["exploded"] == 12
    assert generations[0].population
    assert len(generations[0].newborn) == 18
    identifiers = [i.identifier for g in generations for i in g.newborn]
    assert identifiers == list(range(len(identifiers)))


def test_a_later_empty_generation_is_redrawn_and_the_run_goes_on(
    problem, relax, settings
):
    calls = []

    def fails_later(structures):
        calls.append(len(structures))
        results = relax(structures)
        if 2 <= len(calls) <= 5:
            return [replace(r, failure="minimum distance") for r in results]
        return results

    first, second, *rest = run(problem, fails_later, settings)
    # The first try and three restarts, all of them lost: the old members remain.
    assert second.restarts == settings.max_restarts == 3
    assert second.rejections["minimum distance"] == 24
    # what the members led to was lost: the restarts draw from the crystal again
    drawn = {one.operator for one in second.newborn[settings.population :]}
    assert drawn == {"random_removal"}
    assert [m.identifier for m in second.population] == [
        m.identifier for m in first.population
    ]
    assert second.stale == first.stale + 1
    assert rest[-1].stopped == "generations"
    assert all(g.restarts == 0 for g in rest)


def test_restarts_keep_to_the_budget_of_evaluations(problem, relax, settings):
    def fails_later(structures):
        results = relax(structures)
        if len(structures) < settings.population:
            return [replace(r, failure="exploded") for r in results]
        return results

    budget = settings.model_copy(update={"evaluations": 9})
    generations = run(problem, fails_later, budget)
    assert generations[-1].n_evaluations == 9
    assert generations[-1].stopped == "evaluations"


def test_an_uncertainty_that_is_no_number_is_uncertain(problem, relax, settings):
    def blind(structures):
        results = relax(structures)
        return [
            replace(r, energy_std=float("nan") if i else 0.0)
            for i, r in enumerate(results)
        ]

    generations = run(problem, blind, settings)
    assert generations[0].rejections["uncertain"] == settings.population - 1


def test_nothing_surviving_at_all_is_a_typed_error_with_counts(
    problem, relax, settings
):
    def hopeless(structures):
        return [replace(r, failure="exploded") for r in relax(structures)]

    with pytest.raises(NothingSurvivedError, match="'exploded': 24") as caught:
        run(problem, hopeless, settings)
    assert "Train the potential" in str(caught.value)
    assert "Li4P2S7" in str(caught.value)


def test_ancestry_reaches_the_first_generation(problem, relax, settings):
    generations = run(problem, relax, settings)
    individuals = [i for g in generations for i in g.newborn]
    youngest = max(generations[-1].population, key=lambda m: m.generation)
    edges = ancestry(individuals, youngest.identifier)
    born = {i.identifier: i.generation for i in individuals}
    assert all(born[parent] < born[child] for parent, child in edges)
    roots = {youngest.identifier, *(p for p, _ in edges)} - {c for _, c in edges}
    assert all(not individuals[root].parents for root in roots)


def test_generator_state_survives_json():
    rng = np.random.default_rng(3)
    rng.random(7)
    frozen = json.loads(json.dumps(freeze_generator(rng)))
    assert all(not isinstance(v, int) or abs(v) < 2**63 for v in frozen.values())
    np.testing.assert_array_equal(thaw_generator(frozen).random(5), rng.random(5))


def test_operators_can_be_switched_off(problem, relax):
    only = OperatorWeights(
        removal_crossover=0,
        cut_and_splice=0,
        permutation=1,
        strain=0,
        rattle=0,
        random_removal=0,
        removal_mutation=0,
    )
    settings = EvolutionSettings(population=4, generations=2, weights=only)
    generations = run(problem, relax, settings)
    made = {i.operator for g in generations[1:] for i in g.newborn}
    assert made == {"permutation"}


@pytest.mark.parametrize(
    ("key", "end_member", "n_units", "left"),
    [
        ("beta-Li3PS4", "P2S5", 1, "Li12 P2 S11"),
        # One of the elements goes altogether.
        ("gamma-Li3PS4", "P2S5", 1, "Li6 S3"),
        ("gamma-Li3PS4", "Li2S", 3, "P2 S5"),
    ],
)
def test_either_end_member_can_be_removed(relax, key, end_member, n_units, left):
    problem = RemovalProblem(crystal(key), end_member, n_units)
    settings = EvolutionSettings(population=4, generations=2)
    generations = run(problem, relax, settings)
    assert generations[-1].best.structure.composition.formula == left
    assert problem.formula == left.replace(" ", "")
