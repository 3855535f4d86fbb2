import numpy as np
import pytest

from lps_flows.chemistry import crystal
from lps_flows.evolution import EvolutionSettings, OperatorWeights, RemovalProblem
from lps_flows.potential import RelaxationSettings, relax_batch
from tests.toy_potential import ToyPotential

UNRELAXED = OperatorWeights(cut_and_splice=0, permutation=0, strain=0, rattle=0)
"""Operators that make sense where positions stay those of the crystal."""


@pytest.fixture(scope="session")
def problem():
    """One Li2S from a 16-atom cell: small enough to relax in milliseconds."""
    return RemovalProblem(crystal("gamma-Li3PS4"), "Li2S", 1)


@pytest.fixture(scope="session")
def beta_problem():
    return RemovalProblem(crystal("beta-Li3PS4"), "Li2S", 1)


@pytest.fixture(scope="session")
def relax():
    settings = RelaxationSettings(
        relax_cell=False, max_steps=4, max_force=0.2, min_distance=0.4
    )
    return lambda structures: relax_batch(structures, ToyPotential(), settings)


@pytest.fixture(scope="session")
def evaluate():
    """No relaxation, energies remembered by positions."""
    settings = RelaxationSettings(relax_cell=False, max_steps=0, min_distance=0)
    known = {}

    def look_up(structures):
        keys = [np.round(s.frac_coords, 6).tobytes() for s in structures]
        new = [s for s, k in zip(structures, keys, strict=True) if k not in known]
        results = relax_batch(new, ToyPotential(), settings)
        fresh = [k for k in keys if k not in known]
        known.update(zip(fresh, results, strict=True))
        return [known[key] for key in keys]

    return look_up


@pytest.fixture
def settings():
    return EvolutionSettings(population=6, generations=3, patience=None, seed=5)
