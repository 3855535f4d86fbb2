"""Evolutionary search over the units removed from a crystal.

Pure: generations in, generations out, every draw from a generator whose state travels
with the generation. Relaxing is a callable handed in.
"""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.evolution.duplicates import chebyshev_fingerprint, lowest_distinct
    from lps_flows.evolution.enumeration import (
        count_removals,
        distinct_removals,
        evaluations_to_reach,
        random_evaluations,
    )
    from lps_flows.evolution.errors import (
        EvolutionError,
        NothingSurvivedError,
        ParentError,
    )
    from lps_flows.evolution.individual import Generation, Individual
    from lps_flows.evolution.lineage import ancestry
    from lps_flows.evolution.problem import RemovalProblem
    from lps_flows.evolution.search import evolve
    from lps_flows.evolution.settings import EvolutionSettings, OperatorWeights

__all__ = [
    "EvolutionError",
    "EvolutionSettings",
    "Generation",
    "Individual",
    "NothingSurvivedError",
    "OperatorWeights",
    "ParentError",
    "RemovalProblem",
    "ancestry",
    "chebyshev_fingerprint",
    "count_removals",
    "distinct_removals",
    "evaluations_to_reach",
    "evolve",
    "lowest_distinct",
    "random_evaluations",
]

show(__name__)
