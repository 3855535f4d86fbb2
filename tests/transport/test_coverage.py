"""Coverage of the intervals over 100 seeds, on models of known diffusivity."""

import numpy as np
import pytest

from lps_flows.analysis import diffusivity
from tests.transport import walkers

# Models with memory, or ions of two kinds, get intervals on the safe side.
CAUTIOUS = {walkers.caged_walk, walkers.back_jumps, walkers.some_mobile}


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        walkers.brownian,
        walkers.few,
        walkers.channels,
        walkers.long_run,
        walkers.uneven,
        walkers.bursts,
        walkers.lattice_gas,
        walkers.few_jumps,
        walkers.langevin,
        walkers.some_mobile,
        walkers.back_jumps,
        walkers.caged_walk,
    ],
)
def test_coverage_over_100_seeds(model, record_property):
    inner = outer = used = 0
    for seed in range(100):
        positions, times, true = model(np.random.default_rng(1000 + seed))
        found = diffusivity(positions, times)
        used += found.diffusive
        inner += found.interval[0] <= true <= found.interval[1]
        outer += found.interval_95[0] <= true <= found.interval_95[1]
    print(  # noqa: T201 - the coverage is what this test reports
        f"\n{model.__name__}: 68 % {inner}, 95 % {outer}, diffusive {used} of 100"
    )
    record_property("coverage", (inner, outer, used))
    assert outer >= 90
    assert 58 <= inner <= (100 if model in CAUTIOUS else 88)
    assert used >= 90


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "frames", "memory", "most"),
    [
        (5, 60, 0.0, 2),
        (20, 400, 0.0, 2),
        (20, 4000, 0.0, 2),
        (20, 400, 0.8, 2),
        (20, 4000, 0.8, 2),
        # five ions that remember a tenth of the run: some look like slow walkers
        (5, 60, 0.8, 30),
    ],
)
def test_ions_in_their_cages_are_not_taken_as_diffusive(n, frames, memory, most):
    used = 0
    for seed in range(100):
        positions, times, _ = walkers.rattling(
            np.random.default_rng(seed), n=n, frames=frames, memory=memory
        )
        used += diffusivity(positions, times).diffusive
    assert used <= most


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "short", "long"),
    [
        # 16 jumps of 20 ions together, and 80
        (lambda rng, n: walkers.lattice_gas(rng, 20, n, rate=0.0004), 200, 1000),
        # D is a nineteenth of that of free hops
        (lambda rng, n: walkers.back_jumps(rng, 20, n, back=0.9), 60, 4000),
    ],
)
def test_runs_in_which_few_ions_have_jumped_are_refused(model, short, long):
    def judged(frames):
        kept = held = 0
        for seed in range(20):
            positions, times, true = model(np.random.default_rng(1000 + seed), frames)
            found = diffusivity(positions, times, jump_length=3.0)
            kept += found.diffusive
            within = found.interval_95[0] <= true <= found.interval_95[1]
            held += found.diffusive and within
        return kept, held

    assert judged(short)[0] == 0
    kept, held = judged(long)
    assert kept >= 16
    assert held >= 0.85 * kept


@pytest.mark.slow
@pytest.mark.parametrize(("n", "frames"), [(20, 400), (20, 1500), (40, 800)])
def test_growth_as_the_square_root_of_time_is_undecided(n, frames):
    reasons = []
    for seed in range(40):
        positions, times, _ = walkers.square_root(
            np.random.default_rng(seed), n, frames
        )
        found = diffusivity(positions, times)
        reasons.append("used" if found.diffusive else found.reason.split(":")[0])
    assert reasons.count("used") <= 3
    assert reasons.count("undecided") >= 15
