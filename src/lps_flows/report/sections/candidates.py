"""Section: which compositions are candidates, and why."""

from __future__ import annotations

from collections.abc import Sequence

from lps_flows.analysis.literature import of_the_paper
from lps_flows.report.blocks import Block, Note, Section, StructureLink, Table
from lps_flows.report.documents import JobOutput
from lps_flows.report.summary import counted, verdict
from lps_flows.schemas.candidates import CandidateDocument, Criterion


def candidate_section(
    candidates: Sequence[CandidateDocument],
    selections: Sequence[JobOutput],
    *,
    beside_paper: bool = True,
) -> Section:
    """Return the section.

    Parameters
    ----------
    candidates
        The builder's verdicts.
    selections
        Outputs of class `SelectionDocument`: what the campaign chose as it ran.
    beside_paper
        Whether the paper's line is this one.
    """
    blocks: list[Block] = []
    if candidates:
        ordered = sorted(
            candidates, key=lambda c: (not c.chosen, c.rank or 0, c.e_above_hull)
        )
        paper = of_the_paper("candidate")
        criteria = [criterion.name for criterion in ordered[0].criteria]
        blocks.append(
            Table(
                ("composition", "x", "candidate", "nearest crystal", *criteria),
                [
                    (
                        StructureLink(c.structure_id, c.formula),
                        f"{c.x:.3f}",
                        f"yes, rank {c.rank}" if c.chosen else "no",
                        c.nearest or "-",
                        *(_verdict(criterion) for criterion in c.criteria),
                    )
                    for c in ordered
                ],
                f"Every sampled composition against the candidate rule, by "
                f"{candidates[0].method}, {counted(len(candidates), 'composition')}: "
                "what it has, and what it needs."
                + (f" The paper's answer: {paper[0].phase}." if beside_paper else ""),
                foldable=False,
            )
        )
        if not any(c.chosen for c in candidates):
            blocks.append(
                Note("No composition meets every criterion at this scale.", "warning")
            )
    if selections:
        selected = selections[-1].output["selected"]
        taken = "; ".join(f"{s['label']} ({s['reason']})" for s in selected)
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


def _verdict(criterion: Criterion) -> str:
    what = verdict(criterion.value, criterion.threshold, passed=criterion.passed)
    return f"{'met' if criterion.passed else 'NOT met'}: {what}"
