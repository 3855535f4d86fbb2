"""Which glass-ceramic compositions are worth an MD run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from lps_flows.analysis.hull_gaps import gaps
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.schemas.candidates import (
    CandidateVerdict,
    CompositionEvidence,
    Criterion,
)
from lps_flows.schemas.clusters import ClusterAssignment
from lps_flows.schemas.phase_diagram import HullInterval, PhaseDiagramDocument


class CandidateError(LpsFlowsError):
    """A rule that cannot be applied to what is known."""


class CandidateSettings(FrozenSettings):
    """Thresholds of the rule.

    Examples
    --------
    >>> CandidateSettings(max_e_above_hull=20).superionic
    ('beta-Li3PS4',)
    """

    max_e_above_hull: float = Field(
        30.0,
        ge=0,
        description="Largest distance of the lowest glass-ceramic structure above the "
        "hull (meV/atom).",
    )
    superionic: tuple[str, ...] = Field(
        ("beta-Li3PS4",),
        min_length=1,
        description="Keys of the crystals known as superionic conductors; the "
        "structure must belong to the class of one of them.",
    )


_DEFAULTS = CandidateSettings()


def select_candidates(
    compositions: Sequence[CompositionEvidence],
    intervals: Sequence[HullInterval],
    reference_classes: Mapping[str, int],
    settings: CandidateSettings = _DEFAULTS,
) -> list[CandidateVerdict]:
    """Apply the rule to every composition.

    A composition is a candidate when it lies outside every miscibility gap, its
    lowest glass-ceramic structure is within a stated distance of the hull, and the
    environment in that structure belongs to the class of a known superionic
    conductor. Candidates are ranked by hull distance; those whose conductivity is
    known come first, the best conductor at the head.

    Parameters
    ----------
    compositions
        One entry per glass-ceramic composition.
    intervals
        Intervals of the metastable hull (`metastable_hull`).
    reference_classes
        Class label by key of the reference crystals.
    settings
        Thresholds.

    Returns
    -------
    list of CandidateVerdict
        Chosen ones first in order of rank, the others by hull distance.

    Raises
    ------
    CandidateError
        When none of the superionic crystals has a class.

    Examples
    --------
    >>> glass = CompositionEvidence(
    ...     formula="Li42P16S61", x=0.724, structure_id="gc", e_above_hull=0.028,
    ...     class_label=2,
    ... )
    >>> (verdict,) = select_candidates([glass], [], {"beta-Li3PS4": 2})
    >>> verdict.chosen, verdict.criteria[1].value, verdict.criteria[1].threshold
    (True, 28.0, 30.0)
    """
    wanted = {
        key: reference_classes[key]
        for key in settings.superionic
        if key in reference_classes
    }
    if not wanted:
        raise CandidateError(
            "no class is known for any of these crystals",
            field="superionic",
            value=settings.superionic,
            remedy="put one of them into the campaign's crystals: "
            f"{', '.join(sorted(reference_classes)) or 'none has a class'}",
        )
    forbidden = gaps(intervals)
    judged = [_judge(entry, forbidden, wanted, settings) for entry in compositions]
    passed = sorted((v for v in judged if v.chosen), key=_rank_key)
    failed = sorted((v for v in judged if not v.chosen), key=lambda v: v.e_above_hull)
    ranked = [
        verdict.model_copy(update={"rank": rank})
        for rank, verdict in enumerate(passed, start=1)
    ]
    return ranked + failed


def _rank_key(verdict: CandidateVerdict) -> tuple[bool, float, float]:
    sigma = verdict.conductivity
    return (sigma is None, -(sigma or 0.0), verdict.e_above_hull)


def _judge(
    entry: CompositionEvidence,
    forbidden: Sequence[HullInterval],
    wanted: Mapping[str, int],
    settings: CandidateSettings,
) -> CandidateVerdict:
    inside = [gap for gap in forbidden if gap.contains(entry.x)]
    distance = entry.e_above_hull * 1000
    criteria = [
        Criterion(
            name="outside every miscibility gap (x)",
            value=round(entry.x, 6),
            threshold=[
                [round(gap.x_start, 6), round(gap.x_end, 6)] for gap in forbidden
            ],
            passed=not inside,
        ),
        Criterion(
            name="distance above the hull (meV/atom)",
            value=distance,
            threshold=settings.max_e_above_hull,
            passed=distance <= settings.max_e_above_hull,
        ),
        Criterion(
            name="class of a superionic conductor",
            value=entry.class_label,
            threshold=dict(wanted),
            passed=entry.class_label in set(wanted.values()),
        ),
    ]
    return CandidateVerdict(
        **dict(entry),
        criteria=criteria,
        chosen=all(criterion.passed for criterion in criteria),
        rank=None,
    )


def evidence_of(
    diagram: PhaseDiagramDocument,
    places: Sequence[ClusterAssignment] = (),
    conductivities: Mapping[str, float] | None = None,
) -> list[CompositionEvidence]:
    """Return what is known of every glass-ceramic composition of a phase diagram.

    Conductivities are those at 300 K (S/cm), by structure id.
    """
    by_id = {place.structure_id: place for place in places}
    known = conductivities or {}
    evidence = []
    for summary in diagram.compositions:
        glass = summary.lowest_glass_id
        if glass is None or summary.glass_e_above_hull is None:
            continue
        place = by_id.get(glass)
        evidence.append(
            CompositionEvidence(
                formula=summary.formula,
                x=summary.x,
                structure_id=glass,
                e_above_hull=summary.glass_e_above_hull,
                class_label=place and place.label,
                nearest=place and place.nearest,
                conductivity=known.get(glass),
            )
        )
    return evidence
