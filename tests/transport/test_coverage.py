"""Coverage of the intervals over 100 seeds, on models of known diffusivity."""

import numpy as np
import pytest

from lps_flows.analysis import diffusivity
from tests.transport import walkers


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        walkers.brownian,
        walkers.uneven,
        walkers.lattice_gas,
        walkers.caged_walk,
        walkers.langevin,
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
    # Motion with memory gets intervals on the safe side.
    assert 58 <= inner <= (99 if model is walkers.caged_walk else 88)
    assert used >= (75 if model is walkers.caged_walk else 95)
