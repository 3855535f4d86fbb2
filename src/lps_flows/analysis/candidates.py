"""Which glass-ceramic compositions are worth an MD run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from lps_flows.analysis.hull_gaps import HullInterval, gaps
from lps_flows.foundation import FrozenSettings, LpsFlowsError


class CandidateError(LpsFlowsError):
    """A rule that cannot be applied to what is known."""


class CandidateSettings(FrozenSettings):
    """Thresholds of the rule."""

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


@dataclass(frozen=True)
class CompositionEvidence:
    """What is known of one glass-ceramic composition."""

    formula: str
    """Reduced formula."""
    x: float
    """Position on the line."""
    structure_id: str
    """Lowest glass-ceramic structure of the composition."""
    e_above_hull: float
    """Its distance above the hull (eV/atom)."""
    class_label: int | None
    """Its class in the clusters, none when it was not classified."""
    conductivity: float | None = None
    """Conductivity at 300 K (S/cm), once it is known."""


@dataclass(frozen=True)
class Criterion:
    """One line of the reasoning."""

    name: str
    """What is asked."""
    value: Any
    """What the composition has."""
    threshold: Any
    """What it needs."""
    passed: bool
    """Whether it has it."""


@dataclass(frozen=True)
class CandidateVerdict:
    """The reasoning for one composition."""

    evidence: CompositionEvidence
    """What is known."""
    criteria: tuple[Criterion, ...]
    """Every criterion with value and threshold."""
    chosen: bool
    """True when every criterion is passed."""
    rank: int | None
    """1 for the best candidate, none when not chosen."""


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
    failed = sorted(
        (v for v in judged if not v.chosen), key=lambda v: v.evidence.e_above_hull
    )
    ranked = [
        CandidateVerdict(v.evidence, v.criteria, v.chosen, rank)
        for rank, v in enumerate(passed, start=1)
    ]
    return ranked + failed


def _rank_key(verdict: CandidateVerdict) -> tuple[bool, float, float]:
    sigma = verdict.evidence.conductivity
    return (sigma is None, -(sigma or 0.0), verdict.evidence.e_above_hull)


def _judge(
    entry: CompositionEvidence,
    forbidden: Sequence[HullInterval],
    wanted: Mapping[str, int],
    settings: CandidateSettings,
) -> CandidateVerdict:
    inside = [gap for gap in forbidden if gap.contains(entry.x)]
    distance = entry.e_above_hull * 1000
    criteria = (
        Criterion(
            "outside every miscibility gap (x)",
            round(entry.x, 6),
            [[round(gap.x_start, 6), round(gap.x_end, 6)] for gap in forbidden],
            not inside,
        ),
        Criterion(
            "distance above the hull (meV/atom)",
            distance,
            settings.max_e_above_hull,
            distance <= settings.max_e_above_hull,
        ),
        Criterion(
            "class of a superionic conductor",
            entry.class_label,
            dict(wanted),
            entry.class_label in set(wanted.values()),
        ),
    )
    return CandidateVerdict(entry, criteria, all(c.passed for c in criteria), None)
