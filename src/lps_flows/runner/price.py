"""What a campaign has cost by stage, beside what was foretold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.evaluations import evaluations_by_stage
from lps_flows.jobs.large_parts import Queried

if TYPE_CHECKING:
    from lps_flows.settings import CampaignKeys

Foretold: TypeAlias = Mapping[str, tuple[int, float]]
"""Reference evaluations and core-hours of each stage, at most."""

_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Price:
    """Evaluations by reference methods and core-hours of one stage.

    Examples
    --------
    >>> Price(evaluations=812, foretold_evaluations=860).evaluations
    812
    """

    evaluations: int = 0
    core_hours: float | None = None
    """Of all jobs, with one core per worker; none where no LaunchPad kept the time."""
    foretold_evaluations: int | None = None
    """At most, as `--dry-run` counts; none where the settings are not known."""
    foretold_core_hours: float | None = None


def prices(
    jobs: Queried,
    campaign: str,
    keys: CampaignKeys | None = None,
    run_time_s: Mapping[str, float] | None = None,
) -> dict[str, Price]:
    """Return the price of each stage, and of all as ``total``.

    Parameters
    ----------
    jobs
        The job store.
    run_time_s
        Wall time of its launches by stage (s).
    """
    foretold = {} if keys is None else foretell(keys)
    return beside_foretold(jobs, campaign, foretold, run_time_s or {})


def beside_foretold(
    jobs: Queried,
    campaign: str,
    foretold: Foretold,
    run_time_s: Mapping[str, float],
) -> dict[str, Price]:
    """Return what :func:`prices` does, with what was foretold before."""
    spent = evaluations_by_stage(jobs, campaign)
    by_stage = {
        stage: Price(
            spent.get(stage, 0),
            run_time_s[stage] / _SECONDS_PER_HOUR if stage in run_time_s else None,
            *foretold.get(stage, (0, 0.0) if foretold else (None, None)),
        )
        for stage in dict.fromkeys((*foretold, *spent, *run_time_s))
    }
    return by_stage | {"total": _total(by_stage)}


def _total(by_stage: Mapping[str, Price]) -> Price:
    def sum_of(name: str) -> float | None:
        values = [getattr(price, name) for price in by_stage.values()]
        known = [value for value in values if value is not None]
        return sum(known) if known else None

    return Price(
        int(sum_of("evaluations") or 0),
        sum_of("core_hours"),
        sum_of("foretold_evaluations"),  # type: ignore[arg-type]
        sum_of("foretold_core_hours"),
    )


def foretell(keys: CampaignKeys) -> Foretold:
    """Return what the settings of a campaign foretell, as ``--dry-run`` counts.

    It is empty where the cost model does not know the engine.
    """
    from lps_flows.engines import POTENTIAL_ENGINE
    from lps_flows.engines.cost import estimate_cost
    from lps_flows.plan import plan_campaign

    try:
        lines = estimate_cost(plan_campaign(keys))
    except LpsFlowsError:
        return {}
    foretold: dict[str, tuple[int, float]] = {}
    for line in lines:
        evaluations, hours = foretold.get(line.stage, (0, 0.0))
        if line.engine.partition(" ")[0] != POTENTIAL_ENGINE:
            evaluations += line.evaluations
        foretold[line.stage] = evaluations, hours + line.core_hours
    return foretold
