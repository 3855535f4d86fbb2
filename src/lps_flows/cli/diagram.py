"""What `graph` prints: the stages of a campaign, and what each calculates."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import networkx as nx

if TYPE_CHECKING:
    from jobflow import Flow

    from lps_flows.settings import CampaignSettings

_DECIDES = "selection"
"""The stage that starts those without jobs of their own when it knows what to run."""


def stage_diagram(settings: CampaignSettings, flow: Flow) -> str:
    """Return the stages with their calculations as a mermaid flowchart."""
    from lps_flows.plan import plan_campaign

    lines: dict[str, list[str]] = defaultdict(list)
    for planned in plan_campaign(settings):
        number = ("at most " * planned.at_most) + f"{planned.number:,}"
        lines[planned.stage].append(f"{number} {planned.kind} ({planned.engine})")
    stages = {job.uuid: job.metadata.get("stage", "") for job, _ in flow.iterflow()}
    order = nx.DiGraph()
    order.add_nodes_from(dict.fromkeys(stages.values()))
    order.add_edges_from(
        (stages[before], stages[after])
        for before, after in flow.graph.edges
        if before in stages and after in stages and stages[before] != stages[after]
    )
    # an arrow that a longer way stands for says nothing
    if nx.is_directed_acyclic_graph(order):
        order = nx.transitive_reduction(order)
    later = [stage for stage in lines if stage not in stages.values()]
    names = {stage: f"s{k}" for k, stage in enumerate([*order.nodes, *later])}
    drawn = ["flowchart TD"]
    for stage, name in names.items():
        label = "<br/>".join([f"<b>{stage}</b>", *lines[stage]])
        drawn.append(f'    {name}["{label}"]')
    drawn += [f"    {names[a]} --> {names[b]}" for a, b in order.edges]
    if _DECIDES in names:
        drawn += [f"    {names[_DECIDES]} -.-> {names[stage]}" for stage in later]
    return "\n".join(drawn)
