"""What a campaign has cost by stage, beside what was foretold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobflow import JobStore

from lps_flows.engines import POTENTIAL_ENGINE
from lps_flows.engines.cost import estimate_cost
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.evaluations import evaluations_by_stage
from lps_flows.plan import plan_campaign
from lps_flows.settings import CampaignKeys

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
    job_store: JobStore,
    campaign: str,
    keys: CampaignKeys | None = None,
    run_time_s: Mapping[str, float] | None = None,
) -> dict[str, Price]:
    """Return the price of each stage, and of all as ``total``.

    Parameters
    ----------
    run_time_s
        Wall time of its launches by stage (s).
    """
    spent = evaluations_by_stage(job_store, campaign)
    foretold = {} if keys is None else _foretold(keys)
    times = run_time_s or {}
    by_stage = {
        stage: Price(
            spent.get(stage, 0),
            times[stage] / _SECONDS_PER_HOUR if stage in times else None,
            *foretold.get(stage, (0, 0.0) if foretold else (None, None)),
        )
        for stage in dict.fromkeys((*foretold, *spent, *times))
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


def _foretold(keys: CampaignKeys) -> dict[str, tuple[int, float]]:
    """Return reference evaluations and core-hours of each stage."""
    try:
        lines = estimate_cost(plan_campaign(keys))
    except LpsFlowsError:  # an engine that the cost model does not know
        return {}
    foretold: dict[str, tuple[int, float]] = {}
    for line in lines:
        evaluations, hours = foretold.get(line.stage, (0, 0.0))
        if line.engine.partition(" ")[0] != POTENTIAL_ENGINE:
            evaluations += line.evaluations
        foretold[line.stage] = evaluations, hours + line.core_hours
    return foretold
