"""How surely gaps and candidates stand: their energies drawn anew within the errors.

Errors shift the lowest structure of each composition as a whole. That of the potential
(which chose what the reference relaxed) and that of the reference engine are normal;
that of a search only ever hides something lower, so its draws are half-normal,
downwards. Energies of crystals have the error of the reference engine alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lps_flows.analysis.hull import HullSettings
from lps_flows.analysis.hull_gaps import atom_fraction, lower_envelope, stretches
from lps_flows.chemistry import CompositionLine, reduced_formula
from lps_flows.schemas.phase_diagram import (
    CompositionSummary,
    EnergyErrors,
    HullInterval,
    PhaseDiagramDocument,
)
from lps_flows.schemas.sampling import SamplingDocument


@dataclass(frozen=True)
class Draws:
    """What the glass-ceramic compositions of a line are in every draw."""

    formulas: list[str]
    """Reduced formulas, ascending in x."""
    x: np.ndarray
    """Their positions on the line, shape (n,)."""
    energy_above_hull: np.ndarray
    """Distances above the hull (eV/atom), shape (n_draws, n)."""
    in_gap: np.ndarray
    """Whether they lie in a gap, shape (n_draws, n)."""

    def probability(self, interval: HullInterval) -> float | None:
        """Return how often all that was sampled inside an interval lay in a gap."""
        inside = [interval.contains(x) for x in self.x]
        if not any(inside):
            return None
        return float(self.in_gap[:, inside].all(axis=1).mean())

    def candidate(self, formula: str, limit: float) -> float:
        """Return how often a composition was within a limit (eV/atom) and no gap."""
        k = self.formulas.index(formula)
        stands = (self.energy_above_hull[:, k] <= limit) & ~self.in_gap[:, k]
        return float(stands.mean())


def energy_errors(
    sampled: Sequence[SamplingDocument], still_falling: Iterable[str] = ()
) -> EnergyErrors:
    """Return the errors of energies, as far as the searches of a campaign tell.

    Parameters
    ----------
    sampled
        What sampling gave by one reference method, of all compositions.
    still_falling
        Formulas of further searches that had not ended.
    """
    differences: list[float] = []
    search: dict[str, float] = {}
    falling = {reduced_formula(formula) for formula in still_falling}
    for sampling in sampled:
        pairs = zip(sampling.ann_energies, sampling.reference_energies, strict=True)
        differences += [ann - energy for ann, energy in pairs if energy is not None]
        formula = reduced_formula(sampling.formula)
        if sampling.search_error is not None:
            search[formula] = max(search.get(formula, 0.0), sampling.search_error)
        if sampling.still_falling:
            falling.add(formula)
    return EnergyErrors(
        ann=float(np.sqrt(np.mean(np.square(differences)))) if differences else None,
        search=dict(sorted(search.items())),
        still_falling=sorted(falling),
    )


def resample(
    compositions: Sequence[CompositionSummary],
    line: CompositionLine,
    errors: EnergyErrors,
    settings: HullSettings,
) -> Draws | None:
    """Draw the energies of a line anew, and see what hull and gaps become.

    Parameters
    ----------
    errors
        What is known of the errors; None is returned when that is nothing.
    """
    glasses = [c for c in compositions if c.lowest_glass_id is not None]
    if not errors.known or len(glasses) < 2:
        return None
    # the end members are the zero that everything is counted from
    crystals = {
        c.formula_pretty: known
        for c in compositions
        if 0 < c.x < 1 and (known := _of_crystal(c)) is not None
    }
    t = [
        atom_fraction(line, formula)
        for formula in (*(c.formula_pretty for c in glasses), *crystals)
    ]
    energy = np.array(
        [*(c.glass_formation_energy_per_atom for c in glasses), *crystals.values()],
        dtype=float,
    )
    n, reference = len(glasses), errors.reference or 0.0
    spread = np.full(len(t), reference)
    spread[:n] = np.hypot(reference, errors.ann or 0.0)
    hidden = np.zeros(len(t))
    hidden[:n] = [errors.search.get(c.formula_pretty, 0.0) for c in glasses]
    rng = np.random.default_rng(settings.seed)
    shape = settings.resamples, len(t)
    drawn = (
        energy
        + spread * rng.standard_normal(shape)
        - hidden * np.abs(rng.standard_normal(shape))
    )
    # formation energies are counted from the end members, which were drawn as well
    ends = reference * rng.standard_normal((settings.resamples, 2))
    drawn -= np.outer(ends[:, 0], t) + np.outer(ends[:, 1], 1 - np.array(t))
    above = np.empty((settings.resamples, n))
    in_gap = np.zeros((settings.resamples, n), dtype=bool)
    tolerance = settings.gap_tolerance / 1000
    for row, energies in enumerate(drawn):
        lowest = {0.0: (0.0, False), 1.0: (0.0, False)}
        for k, (place, value) in enumerate(zip(t, energies.tolist(), strict=True)):
            if place not in lowest or value < lowest[place][0]:
                lowest[place] = value, k < n
        places = sorted(lowest)
        values = [lowest[place][0] for place in places]
        hull = lower_envelope(places, values)
        above[row] = energies[:n] - np.interp(
            t[:n], [places[k] for k in hull], [values[k] for k in hull]
        )
        stable = [places[k] for k in hull if not lowest[places[k]][1]]
        for part in stretches(t[:n], energies[:n].tolist(), stable):
            in_gap[row, part.inside] = min(part.heights, default=0.0) > tolerance
    return Draws(
        [c.formula_pretty for c in glasses],
        np.array([c.x for c in glasses]),
        above,
        in_gap,
    )


def _of_crystal(composition: CompositionSummary) -> float | None:
    """Return the formation energy of the lowest structure that is no glass-ceramic."""
    known = composition.crystal_formation_energy_per_atom
    if known is None and composition.lowest_id != composition.lowest_glass_id:
        return composition.formation_energy_per_atom
    return known


def draws_of(diagram: PhaseDiagramDocument) -> Draws | None:
    """Return the draws that the probabilities of a phase diagram rest on."""
    first, second = (end.formula for end in diagram.end_members)
    known = HullSettings.model_fields.keys() & diagram.settings.keys()
    return resample(
        diagram.compositions,
        CompositionLine(end_members=(first, second)),
        diagram.errors,
        HullSettings(**{key: diagram.settings[key] for key in known}),
    )
