"""Section: which compositions are candidates, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lps_flows.analysis.literature import of_the_paper
from lps_flows.appearance import counted
from lps_flows.jobs.outputs import JobOutput
from lps_flows.report.blocks import (
    Block,
    Cell,
    Note,
    Section,
    StructureLink,
    Table,
    number,
)
from lps_flows.report.values import conductivity_title, in_milli
from lps_flows.schemas.candidates import CandidateDocument, CandidateVerdict, Criterion


def candidate_section(
    candidates: Sequence[CandidateDocument],
    selections: Sequence[JobOutput],
    *,
    beside_paper: bool = True,
) -> Section:
    """Return the section.

    Parameters
    ----------
    selections
        Outputs of class `SelectionDocument`: what the campaign chose as it ran.
    """
    blocks: list[Block] = []
    if candidates:
        blocks.append(_verdicts(candidates, beside_paper=beside_paper))
        if not any(c.chosen for c in candidates):
            blocks.append(
                Note("No composition meets every criterion at this scale.", "warning")
            )
        blocks += _on_classes(candidates[0])
    if selections:
        selection = selections[-1].output
        if not candidates:
            blocks.append(_while_it_ran(selection))
        taken = "; ".join(
            f"{s['label']} ({s['reason']})" for s in selection["selected"]
        )
        blocks.append(
            Note(
                f"Taken into molecular dynamics by the campaign: {taken or 'nothing'}."
            )
        )
    return Section(
        "candidates",
        "Candidates",
        blocks,
        missing="Neither the selection nor the candidate builder has run yet.",
        status="done" if candidates else "partial",
    )


def _verdicts(candidates: Sequence[CandidateDocument], *, beside_paper: bool) -> Table:
    ordered = sorted(
        candidates,
        key=lambda c: (
            not c.chosen,
            c.rank or 0,
            c.outcome == "no",
            c.energy_above_hull,
        ),
    )
    paper = ", ".join(answer.phase for answer in of_the_paper("candidate"))
    return _table(
        [
            (
                StructureLink(candidate.structure_id, candidate.formula_pretty),
                dict(candidate),
            )
            for candidate in ordered
        ],
        f"Every sampled composition against the candidate rule, by "
        f"{candidates[0].method}, {counted(len(candidates), 'composition')}: "
        "what it has, and what it needs. The probability is the share of draws of the "
        "energies within their errors in which it passes."
        + (f" The paper's answer: {paper}." if beside_paper else ""),
    )


def _on_classes(candidate: CandidateDocument) -> list[Block]:
    """Say it where the classes could not be used."""
    return [
        Note(f"The {criterion.name} {criterion.reason}.", "warning")
        for criterion in candidate.criteria
        if not criterion.counts
    ]


def _while_it_ran(selection: dict[str, Any]) -> Table:
    """Return the verdicts of the campaign itself, for before the builders ran."""
    verdicts = [dict(CandidateVerdict.from_store(v)) for v in selection["criteria"]]
    return _table(
        [(verdict["formula_pretty"], verdict) for verdict in verdicts],
        f"The candidate rule as the campaign applied it, by {selection['method']}, "
        f"{counted(len(verdicts), 'composition')}.",
    )


def _table(verdicts: Sequence[tuple[Cell, dict[str, Any]]], caption: str) -> Table:
    """Return a table of verdicts, each with the cell that names its composition."""
    criteria = {
        criterion.name: _nth_criterion(k)
        for k, criterion in enumerate(verdicts[0][1]["criteria"] if verdicts else [])
    }
    title = conductivity_title(
        verdict["conductivity_temperature"]
        for _, verdict in verdicts
        if verdict["conductivity"] is not None
    )
    return Table.of(
        verdicts,
        {
            "composition": lambda row: row[0],
            "x": lambda row: f"{row[1]['x']:.3f}",
            "candidate": lambda row: _outcome(row[1]),
            "probability": lambda row: number(row[1].get("probability"), 2),
            **criteria,
            title: lambda row: _conductivity(row[1]),
        },
        caption,
        foldable="narrow",
    )


def _outcome(verdict: Mapping[str, Any]) -> str:
    if verdict["chosen"]:
        return f"yes, rank {verdict['rank']}"
    failed = any(criterion.passed is False for criterion in verdict["criteria"])
    return "no" if failed else "undecided"


def _conductivity(verdict: Mapping[str, Any]) -> str:
    if verdict.get("conductivity") is None:
        return "-"
    ranks = verdict.get("conductivity_trusted")
    return in_milli(verdict["conductivity"]) + (
        "" if ranks else " (not trusted: does not rank)"
    )


def _nth_criterion(k: int) -> Callable[[tuple[Cell, dict[str, Any]]], Cell]:
    return lambda row: _verdict(row[1]["criteria"][k])


def _verdict(criterion: Criterion) -> str:
    """Return in words whether a criterion is met and why."""
    outcome = {True: "met", False: "NOT met", None: "undecided"}[criterion.passed]
    value, threshold = criterion.value, criterion.threshold
    needs = "at most" if isinstance(threshold, float) else "needs"
    # documents of before say it in numbers alone
    reason = criterion.reason or f"{_short(value)}, {needs} {_short(threshold)}"
    return f"{outcome}: {reason}" if criterion.counts else reason


def _short(value: Any) -> str:
    """Return a number, or what holds some, without its last decimals."""
    if isinstance(value, float):
        return str(round(value, 3))
    if isinstance(value, list):
        return ", ".join(map(_short, value)) if value else "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_short(inner)}" for key, inner in value.items())
    return str(value)
