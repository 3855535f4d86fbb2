"""Section: what came out, before how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lps_flows.appearance import counted
from lps_flows.engines.registry import is_surrogate
from lps_flows.report.blocks import Section, Status, Table
from lps_flows.report.values import ENERGY, SIGMA, with_interval
from lps_flows.schemas.candidates import CandidateDocument
from lps_flows.schemas.phase_diagram import HullInterval, PhaseDiagramDocument
from lps_flows.schemas.results import Results
from lps_flows.schemas.transport import TransportDocument

FINDINGS_ID = "findings"
_NO_ENERGY = "no energies on the line yet"


def findings(
    results: Results, potential: Mapping[str, Any] | None, missing: Sequence[str]
) -> dict[str, str]:
    """Return in words what was asked, by what, and what came out.

    Parameters
    ----------
    potential
        The newest `PotentialDocument`, None before there is one.
    """
    first, second = results.line.end_members
    diagram = results.diagram
    answers = {
        "asked": f"Which glass-ceramics between {first} and {second} are stable or "
        "nearly so, and which of them conduct?",
        "method": _method(diagram, potential),
    }
    if diagram is not None:
        glasses = {entry.formula_pretty for entry in results.on_line if entry.glass}
        answers["sampled"] = (
            f"{counted(diagram.n_on_line, 'relaxed structure')} on the line, "
            f"glass-ceramics at {counted(len(glasses), 'composition')}."
        )
        answers["stable"] = _stable(results)
        answers["miscibility gaps"] = _gaps(diagram)
    answers["candidates"] = _candidates(results.candidates)
    answers["conductivity"] = _conductivity(results.transport)
    if results.provisional:
        missing = ("the builders, so all this is provisional", *missing)
    answers["missing"] = ", ".join(missing) or "nothing that was asked for"
    return answers


def findings_section(answers: Mapping[str, str], results: Results) -> Section:
    """Return the section."""
    diagram = results.diagram
    if diagram is None and not results.transport:
        return Section(FINDINGS_ID, "Findings", missing="Nothing has been found yet.")
    rest = f", by {diagram.method}" if diagram else ""
    table = Table(
        ("", "what came out"),
        list(answers.items()),
        f"Findings of campaign {results.campaign}{rest}; the sections below hold the "
        "numbers, and how they were made stands at the end.",
        foldable=False,
    )
    status: Status = "done" if results.candidates and results.transport else "partial"
    return Section(FINDINGS_ID, "Findings", [table], status=status)


def _method(
    diagram: PhaseDiagramDocument | None, potential: Mapping[str, Any] | None
) -> str:
    if diagram is None:
        text = f"{_NO_ENERGY.capitalize()}."
    elif is_surrogate(diagram.method):
        text = (
            f"Energies by {diagram.method}, a machine-learned surrogate of DFT: trends "
            "may be read, numbers are not those of DFT."
        )
    else:
        text = f"Energies by {diagram.method}."
    if potential is not None:
        text += (
            f" The structures were searched on a neural-network potential trained on "
            f"{counted(potential['n_structures'], 'structure')}, held-out error "
            f"{potential['validation']['rmse']:.1f} meV/atom."
        )
    return text


def energies_by(method: str | None) -> str:
    """Return what the energies are by, named as a surrogate where it is one."""
    if method is None:
        return f"{_NO_ENERGY.capitalize()}."
    surrogate = ", a surrogate, not from first principles" * is_surrogate(method)
    return f"Energies by {method}{surrogate}."


def _stable(results: Results) -> str:
    on_hull = {entry.label: entry.x for entry in results.on_line if entry.line.on_hull}
    names = ", ".join(sorted(on_hull, key=lambda label: on_hull[label]))
    glasses = [entry for entry in results.on_line if entry.glass]
    if not glasses:
        return f"{names}."
    lowest = min(glasses, key=lambda entry: entry.energy_above_hull)
    return (
        f"{names}. Lowest glass-ceramic: {lowest.label} (x = {lowest.x:.3f}), "
        f"{1000 * lowest.energy_above_hull:.1f} meV/atom above the hull."
    )


def _gaps(diagram: PhaseDiagramDocument) -> str:
    parts = [_stretch(part) for part in diagram.metastable_hull]
    if not parts:
        return "Not known: glass-ceramics of at least two compositions are needed."
    sentences = [text for text in parts if text]
    return (
        "; ".join(sentences) + "."
        if sentences
        else "None between the sampled compositions."
    )


def _stretch(part: HullInterval) -> str:
    """Return a stretch in words, nothing for one without a gap."""
    where = f"{part.x_start:.3f} < x < {part.x_end:.3f}"
    if part.status == "gap":
        if part.probability is None:
            return f"gap in {where}, no probability: no errors are known"
        return f"gap in {where}, probability {part.probability:.2f}"
    return f"{part.status} in {where}" if part.status != "no gap" else ""


def _candidates(verdicts: Sequence[CandidateDocument]) -> str:
    if not verdicts:
        return "Not judged yet."
    chosen = sorted((v for v in verdicts if v.chosen), key=lambda v: v.rank or 0)
    undecided = sorted(v.formula_pretty for v in verdicts if v.outcome == "undecided")
    parts = [
        f"{v.formula_pretty} (x = {v.x:.3f}, "
        f"{1000 * v.energy_above_hull:.1f} meV/atom above the "
        "hull"
        + (")" if v.probability is None else f", probability {v.probability:.2f})")
        for v in chosen
    ] or [f"none of {counted(len(verdicts), 'composition')}"]
    if undecided:
        parts.append(f"undecided: {', '.join(undecided)}")
    return "; ".join(parts) + "."


def _conductivity(documents: Sequence[TransportDocument]) -> str:
    known = [d for d in documents if d.conductivity is not None]
    if not known:
        return (
            "None: no molecular dynamics gave a line to extrapolate."
            if documents
            else "Not computed yet."
        )
    best = max(known, key=lambda d: (d.trusted, d.conductivity or 0.0))
    used = [run.temperature for run in best.runs if run.used]
    text = (
        f"{best.label}: {with_interval(best, SIGMA)} mS/cm at "
        f"{best.reference_temperature:g} K, Ea {with_interval(best, ENERGY)} eV, by "
        f"{best.method}, extrapolated from {min(used, default=0.0):g} K and above. "
    )
    if best.trusted:
        text += "It may rank: diffusive runs, framework intact in all of them."
        return " ".join([text, *(f"But: {warning}." for warning in best.warnings)])
    why = (
        "the framework broke in a run that it rests on"
        if best.framework_survived is False
        else "whether the framework stayed intact is not known"
    )
    return f"{text}Not to be believed: {why}."
