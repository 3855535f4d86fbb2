"""How the search went: convergence, and where the best structure comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lps_flows.appearance import (
    GREY,
    VERMILION,
    escaped,
    nth_style,
    pretty_html,
)
from lps_flows.chemistry import written_removal
from lps_flows.jobs.outputs import JobOutput
from lps_flows.report.charts.style import count_axis, empty_chart, panels
from lps_flows.schemas.evolution import STILL_FALLING, fell

_COLUMNS = 3
"""Panels beside each other."""


def convergence_chart(searches: Sequence[JobOutput]) -> go.Figure:
    """Return the lowest energy per generation relative to the end, a panel a parent.

    Parameters
    ----------
    searches
        Outputs of class `EvolutionDocument` with their generations.
    """
    runs = [job.output for job in searches]
    parents = sorted({run["parent"] for run in runs})
    removed = sorted({(run["removed"], run["n_removed"]) for run in runs})
    columns = min(_COLUMNS, len(parents)) or 1
    chart = panels(
        panel_rows(searches),
        columns,
        subplot_titles=[f"from {pretty_html(parent)}" for parent in parents],
        shared_yaxes=True,
        horizontal_spacing=0.04,
        vertical_spacing=0.22 / panel_rows(searches),
    )
    named: set[tuple[str, int]] = set()
    for job in sorted(searches, key=lambda job: (job.name, job.uuid)):
        run = job.output
        units = (run["removed"], run["n_removed"])
        falling = (fell(run) or 0.0) > STILL_FALLING
        final, place = run["best_energy_per_atom"], parents.index(run["parent"])
        label = f"{pretty_html(written_removal(*units))} removed"
        chart.add_scatter(
            x=[g["index"] for g in run["generations"]],
            y=[
                round(1000 * (g["best_energy_per_atom"] - final), 3)
                for g in run["generations"]
            ],
            mode="lines+markers",
            line={
                "shape": "hv",
                "color": nth_style(removed.index(units)).colour,
                "dash": "dot" if falling else "solid",
            },
            marker={"size": 5, "symbol": nth_style(removed.index(units)).symbol},
            name=label,
            legendgroup=label,
            showlegend=units not in named,
            hovertemplate=f"{escaped(job.name)}{', still falling' * falling}<br>"
            "generation %{x}: %{y:.1f} meV/atom<extra></extra>",
            row=1 + place // columns,
            col=1 + place % columns,
        )
        named.add(units)
    count_axis(chart, max((run["n_generations"] for run in runs), default=1))
    chart.update_xaxes(title="generation")
    chart.update_yaxes(title="meV/atom above the final", col=1)
    chart.update_layout(legend={"y": 1.0 + 0.14 / panel_rows(searches)})
    return chart.update_layout(margin={"t": 90})


def panel_rows(searches: Sequence[JobOutput]) -> int:
    """Return how many rows of panels the searches take."""
    return -(-len({job.output["parent"] for job in searches}) // _COLUMNS) or 1


def family_chart(run: Mapping[str, Any]) -> go.Figure:
    """Return every individual of a run, and the ancestors of the best one.

    Parameters
    ----------
    run
        `EvolutionDocument` data with its generations.
    """
    individuals = relaxed(run)
    chart = empty_chart("generation", "energy above the best (meV/atom)")
    count_axis(chart, run["n_generations"])
    if not individuals:
        return chart
    best = min(individuals, key=lambda born: born["energy_per_atom"])
    known = {born["identifier"]: born for born in individuals}
    family = _ancestors(best, known)

    def height(born: Mapping[str, Any]) -> float:
        return float(
            round(1000 * (born["energy_per_atom"] - best["energy_per_atom"]), 3)
        )

    for wanted, colour, width, name in (
        (False, GREY, 1.0, "descent"),
        (True, VERMILION, 2.0, "ancestors of the best"),
    ):
        xs: list[float | None] = []
        ys: list[float | None] = []
        for child in individuals:
            for parent in (known.get(p) for p in child["parents"]):
                inside = child["identifier"] in family
                if parent is None or inside is not wanted:
                    continue
                xs += [parent["generation"], child["generation"], None]
                ys += [height(parent), height(child), None]
        chart.add_scatter(
            x=xs,
            y=ys,
            mode="lines",
            name=name,
            line={"color": colour, "width": width},
            hoverinfo="skip",
        )
    for k, operator in enumerate(sorted({born["operator"] for born in individuals})):
        children = [born for born in individuals if born["operator"] == operator]
        chart.add_scatter(
            x=[born["generation"] for born in children],
            y=[height(born) for born in children],
            mode="markers",
            name=escaped(operator),
            marker={
                "size": [11 if b["identifier"] in family else 6 for b in children],
                "color": nth_style(k).colour,
            },
            text=[_lineage(born) for born in children],
            hovertemplate="%{text}<br>%{y:.1f} meV/atom<extra></extra>",
        )
    return chart


def relaxed(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the individuals of a run that were relaxed and not rejected."""
    return [
        born
        for generation in run["generations"]
        for born in generation["newborn"]
        if born["energy_per_atom"] is not None and born["rejection"] is None
    ]


def _ancestors(
    best: Mapping[str, Any], known: Mapping[int, Mapping[str, Any]]
) -> set[int]:
    family: set[int] = set()
    waiting: list[int] = [best["identifier"]]
    while waiting:
        identifier = waiting.pop()
        if identifier in family or identifier not in known:
            continue
        family.add(identifier)
        waiting += known[identifier]["parents"]
    return family


def _lineage(born: Mapping[str, Any]) -> str:
    parents: Sequence[int] = born["parents"]
    origin = f" of {', '.join(str(p) for p in parents)}" if parents else ""
    return escaped(f"no. {born['identifier']}: {born['operator']}{origin}")
