"""What `run --dry-run` prints: the calculations of a campaign, and their cost."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from lps_flows.cli.application import out
from lps_flows.cli.progress import working

if TYPE_CHECKING:
    from lps_flows.settings import CampaignSettings


def print_plan(
    settings: CampaignSettings, cost_model: Path | None, *, as_json: bool
) -> None:
    """Print the calculations of a campaign and what they would cost.

    Parameters
    ----------
    cost_model
        YAML of costs per engine; the package's own when None.
    as_json
        Print JSON for scripts.
    """
    from lps_flows.engines.cost import estimate_cost, load_cost_model
    from lps_flows.plan import count_labels, plan_campaign, plan_dynamics

    model = load_cost_model(cost_model)
    with working("counting"):
        work = plan_campaign(settings)
        costs = estimate_cost(work, model)
        dynamics = plan_dynamics(settings)
        labels = count_labels(settings)
    if as_json:
        lines = [
            {**asdict(cost), "at_most": planned.at_most}
            for planned, cost in zip(work, costs, strict=True)
        ]
        plan = {
            "campaign": settings.name,
            "calculations": lines,
            "labels": labels,
            "dynamics": [asdict(planned) for planned in dynamics],
        }
        typer.echo(json.dumps(plan, indent=2))
        return
    table = Table(
        "stage", "calculation", "engine", "number", "atoms", "evaluations", "core-hours"
    )
    for planned, cost in zip(work, costs, strict=True):
        sizes = planned.n_atoms
        few, most = min(sizes, default=0), max(sizes, default=0)
        table.add_row(
            cost.stage,
            cost.kind,
            cost.engine,
            ("at most " if planned.at_most else "") + f"{cost.number:,}",
            str(most) if few == most else f"{few}-{most}",
            f"{cost.evaluations:,}" if cost.evaluations else "",
            f"{cost.core_hours:,.1f}",
        )
    out.print(table)
    taken = [
        f"{planned.label or 'by the rule'} ({planned.reason})" for planned in dynamics
    ]
    out.print(f"The potential is first trained on at most {labels:,} structures.")
    out.print(f"Into molecular dynamics: {', '.join(taken) or 'nothing'}.")
    total = sum(cost.core_hours for cost in costs)
    out.print(
        f"{sum(cost.number for cost in costs):,} calculations, about {total:,.0f} "
        "core-hours. The numbers behind that are in the cost model "
        "(docs/engines.md); give your own with --cost-model."
    )
