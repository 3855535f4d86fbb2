"""Which glass-ceramic compositions are worth an MD run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from lps_flows.analysis.hull_gaps import gaps, outside_gaps
from lps_flows.analysis.resampling import Draws
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.schemas.candidates import (
    CandidateVerdict,
    ClassEvidence,
    CompositionEvidence,
    Criterion,
)
from lps_flows.schemas.clusters import NO_CRYSTAL, ClusterAssignment
from lps_flows.schemas.phase_diagram import HullInterval, PhaseDiagramDocument
from lps_flows.schemas.transport import TransportRecord


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
        "structure must be most similar to one of them.",
    )
    min_similarity: float = Field(
        0.3, ge=-1, le=1, description="Smallest similarity (Eq. 3) to that crystal."
    )
    poor: tuple[str, ...] = Field(
        ("gamma-Li3PS4",),
        description="Keys of crystals that conduct poorly; a class that holds one of "
        "them tells nothing.",
    )
    min_stability: float = Field(
        0.8,
        ge=-1,
        le=1,
        description="Smallest adjusted Rand index between seeds with which classes "
        "count.",
    )
    max_class_share: float = Field(
        0.5, gt=0, le=1, description="Largest share of the structures in such a class."
    )


_DEFAULTS = CandidateSettings()


def select_candidates(
    compositions: Sequence[CompositionEvidence],
    intervals: Sequence[HullInterval],
    classes: ClassEvidence,
    settings: CandidateSettings = _DEFAULTS,
    draws: Draws | None = None,
) -> list[CandidateVerdict]:
    """Apply the rule to every composition.

    A composition is a candidate when it lies outside every miscibility gap, its
    lowest glass-ceramic structure is within a stated distance of the hull, and that
    structure is more similar to a known superionic conductor than to any other
    reference crystal. It must belong to that conductor's class, too, where the classes
    mean something: the same from every seed, the poor conductors elsewhere, not most of
    all structures. Where something is undecided and nothing fails, the composition is
    undecided. Candidates are ranked by hull distance; those whose conductivity is known
    and trusted come first, the best conductor at the head.

    Parameters
    ----------
    intervals
        Intervals of the metastable hull (`metastable_hull`).
    classes
        Classes of the reference crystals, their sizes and stability.
    draws
        Energies drawn within their errors (`resample`), for the probabilities.

    Returns
    -------
    list of CandidateVerdict
        Chosen ones first in order of rank, then undecided ones and the others, each by
        hull distance.

    Raises
    ------
    CandidateError
        When none of the superionic crystals is among the references.

    Examples
    --------
    >>> glass = CompositionEvidence(
    ...     formula="Li42P16S61", x=0.724, structure_id="gc", energy_above_hull=0.028,
    ...     nearest="beta-Li3PS4", similarity=0.9,
    ... )
    >>> known = ClassEvidence(of_crystals={"beta-Li3PS4": 2})
    >>> (verdict,) = select_candidates([glass], [], known)
    >>> verdict.outcome, verdict.criteria[0].reason
    ('undecided', 'at the end of the sampled range')
    """
    wanted = {
        key: classes.of_crystals[key]
        for key in settings.superionic
        if key in classes.of_crystals
    }
    if not wanted:
        raise CandidateError(
            "no class is known for any of these crystals",
            field="superionic",
            value=settings.superionic,
            remedy="put one of them into the campaign's crystals: "
            f"{', '.join(sorted(classes.of_crystals)) or 'none has a class'}",
        )
    unusable = _why_unusable(wanted, classes, settings)
    judged = []
    for entry in compositions:
        criteria = [
            _gap_criterion(entry, intervals),
            _distance_criterion(entry, settings),
            _similarity_criterion(entry, settings),
            _class_criterion(entry, wanted, unusable),
        ]
        likely = None
        if draws is not None:
            # energies decide the first two; what they cannot change stays
            likely = draws.candidate(
                entry.formula_pretty, settings.max_e_above_hull / 1000
            )
            likely *= all(c.passed is not False for c in criteria[2:])
        judged.append(
            CandidateVerdict(
                **dict(entry),
                criteria=criteria,
                chosen=all(c.passed is True for c in criteria if c.counts),
                rank=None,
                probability=likely,
            )
        )
    passed = sorted((v for v in judged if v.chosen), key=_rank_key)
    others = [v for v in judged if not v.chosen]
    ranked = [
        verdict.model_copy(update={"rank": rank})
        for rank, verdict in enumerate(passed, start=1)
    ]
    return ranked + sorted(
        others, key=lambda v: (v.outcome == "no", v.energy_above_hull)
    )


def _rank_key(verdict: CandidateVerdict) -> tuple[float, float]:
    sigma = verdict.conductivity if verdict.conductivity_trusted else None
    return (-(sigma or 0.0), verdict.energy_above_hull)


def _gap_criterion(
    entry: CompositionEvidence, intervals: Sequence[HullInterval]
) -> Criterion:
    passed, reason = outside_gaps(entry.x, intervals)
    if passed is False and entry.still_falling:
        passed, reason = None, f"{reason}, but its search had not ended"
    return Criterion(
        name="outside every miscibility gap (x)",
        value=round(entry.x, 6),
        threshold=[
            [round(gap.x_start, 6), round(gap.x_end, 6)] for gap in gaps(intervals)
        ],
        passed=passed,
        reason=reason,
    )


def _distance_criterion(
    entry: CompositionEvidence, settings: CandidateSettings
) -> Criterion:
    distance, limit = entry.energy_above_hull * 1000, settings.max_e_above_hull
    passed: bool | None = distance <= limit
    reason = f"{distance:.1f}, at most {limit:g}"
    if not passed and entry.still_falling:
        passed, reason = None, f"{reason}, but its search had not ended"
    return Criterion(
        name="distance above the hull (meV/atom)",
        value=distance,
        threshold=limit,
        passed=passed,
        reason=reason,
    )


def _similarity_criterion(
    entry: CompositionEvidence, settings: CandidateSettings
) -> Criterion:
    score = "" if entry.similarity is None else f" (S_P = {entry.similarity:.2f})"
    nearest = entry.nearest or NO_CRYSTAL
    enough = entry.similarity is None or entry.similarity >= settings.min_similarity
    if not enough:
        score += f", at least {settings.min_similarity:g} needed"
    return Criterion(
        name="most similar to a superionic conductor",
        value=entry.nearest,
        threshold=list(settings.superionic),
        passed=nearest in settings.superionic and enough,
        reason=f"most similar to {nearest}{score}"
        if nearest != NO_CRYSTAL
        else f"similar to no crystal{score}",
    )


def _class_criterion(
    entry: CompositionEvidence, wanted: Mapping[str, int], unusable: Mapping[str, str]
) -> Criterion:
    usable = {key: label for key, label in wanted.items() if key not in unusable}
    useless = {wanted[key] for key in unusable} - set(usable.values())
    if entry.class_label in useless:
        usable = {}
    passed = entry.class_label in set(usable.values()) if usable else None
    names = ", ".join(f"{key} ({label})" for key, label in usable.items())
    label = "no class" if entry.class_label is None else f"class {entry.class_label}"
    return Criterion(
        name="class of a superionic conductor",
        value=entry.class_label,
        threshold=dict(wanted),
        passed=passed,
        counts=bool(usable),
        reason=f"{label}, {'as' if passed else 'not as'} {names}"
        if usable
        else f"could not be used: {'; '.join(dict.fromkeys(unusable.values()))}",
    )


def _why_unusable(
    wanted: Mapping[str, int], classes: ClassEvidence, settings: CandidateSettings
) -> dict[str, str]:
    """Return why the class of a superionic crystal tells nothing, where it does not."""
    stability = classes.stability
    if stability is None:
        return dict.fromkeys(wanted, "it is not known whether the classes are stable")
    if stability < settings.min_stability:
        why = (
            f"the classes change with the seed (adjusted Rand index {stability:.2f}, "
            f"{settings.min_stability:g} needed)"
        )
        return dict.fromkeys(wanted, why)
    poor = {key: classes.of_crystals.get(key) for key in settings.poor}
    total = sum(classes.sizes.values())
    reasons = {}
    for key, label in wanted.items():
        with_it = [other for other, its in poor.items() if its == label]
        size = classes.sizes.get(label, 0)
        if with_it:
            reasons[key] = f"the class of {key} holds {', '.join(with_it)}, too"
        elif poor and not any(its is not None for its in poor.values()):
            reasons[key] = f"the class of {', '.join(poor)} is not known"
        elif not total:
            reasons[key] = "it is not known how large the classes are"
        elif size > settings.max_class_share * total:
            reasons[key] = f"the class of {key} holds {size} of {total} structures"
    return reasons


def evidence_of(
    diagram: PhaseDiagramDocument,
    places: Sequence[ClusterAssignment] = (),
    conductivities: Mapping[str, TransportRecord] | None = None,
) -> list[CompositionEvidence]:
    """Return what is known of every glass-ceramic composition of a phase diagram.

    Conductivities are those that can rank structures, by structure id
    (`largest_comparison`).
    """
    by_id = {place.structure_id: place for place in places}
    known = conductivities or {}
    evidence = []
    for summary in diagram.compositions:
        glass = summary.lowest_glass_id
        if glass is None or summary.glass_energy_above_hull is None:
            continue
        place = by_id.get(glass)
        record = known.get(glass)
        evidence.append(
            CompositionEvidence(
                formula_pretty=summary.formula_pretty,
                x=summary.x,
                structure_id=glass,
                energy_above_hull=summary.glass_energy_above_hull,
                class_label=place and place.label,
                nearest=place and place.nearest,
                similarity=place and max(place.similarities.values(), default=None),
                still_falling=summary.formula_pretty in diagram.errors.still_falling,
                conductivity=record and record.conductivity,
                conductivity_temperature=record and record.reference_temperature,
                conductivity_trusted=record is not None and record.trusted,
            )
        )
    return evidence
