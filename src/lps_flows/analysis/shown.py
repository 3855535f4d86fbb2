"""What figures of structures and dynamics show, the same on paper and on the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Element

from lps_flows.analysis.arrhenius import ArrheniusFit
from lps_flows.appearance import name_of
from lps_flows.schemas.clusters import (
    NO_CRYSTAL,
    ClusterAssignment,
    ClusterModelDocument,
)
from lps_flows.schemas.rdf import RDFDocument
from lps_flows.schemas.transport import RunSummary, TransportDocument

ElementPairs = tuple[tuple[str, str], ...]


class Descendant(Protocol):
    """Anything that says what it is made of and which crystal it descends from."""

    x: float | None
    parent: str | None
    formula_pretty: str


AnyDescendant = TypeVar("AnyDescendant", bound=Descendant)


def by_parent(
    documents: Sequence[AnyDescendant],
) -> tuple[dict[str, list[AnyDescendant]], list[AnyDescendant]]:
    """Group what lies on the line by parent; crystals without descendants apart.

    Parameters
    ----------
    documents
        Trends or distributions of one campaign by one method.

    Returns
    -------
    dict, list
        Documents by parent, ascending in x, of the parents that more than one
        composition descends from; and the others. All parents when there is none such.
    """
    groups: dict[str, list[AnyDescendant]] = {}
    for document in sorted(documents, key=lambda d: (name_of(d.parent), d.x or 0.0)):
        if document.x is not None:
            groups.setdefault(name_of(document.parent), []).append(document)
    sampled = {
        parent: members
        for parent, members in groups.items()
        if len({member.formula_pretty for member in members}) > 1
    }
    if not sampled:
        return groups, []
    alone = [m for parent, ms in groups.items() if parent not in sampled for m in ms]
    return sampled, alone


def stacked_rows(documents: Sequence[AnyDescendant]) -> list[AnyDescendant]:
    """Return what stands in a stack of curves along the line, from bottom to top.

    Crystals that nothing descends from are left out where something does from others.
    """
    groups, _ = by_parent(documents)
    return sorted(
        (document for members in groups.values() for document in members),
        key=lambda d: (d.x or 0.0, name_of(d.parent)),
    )


def pair_groups(rdfs: Sequence[RDFDocument]) -> tuple[ElementPairs, ElementPairs]:
    """Return the pairs that bind, and the others.

    The first are those of every element with the most electronegative one, which binds
    them: Li-S and P-S of Li2S-P2S5.
    """
    elements = sorted({e for d in rdfs for partial in d.partials for e in partial.pair})
    if not elements:
        return (), ()
    anion = max(elements, key=lambda symbol: Element(symbol).X)
    binding = tuple((element, anion) for element in elements if element != anion)
    others = combinations_with_replacement(elements, 2)
    return binding, tuple(pair for pair in others if pair not in binding)


def by_class(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> list[tuple[int, list[str], list[ClusterAssignment]]]:
    """Return label, reference crystals and members of every class that has members."""
    classes = []
    for label in sorted(model.labels):
        members = [place for place in places if place.label == label]
        if members:
            crystals = [
                key for key, of in model.reference_classes.items() if of == label
            ]
            classes.append((label, crystals, members))
    return classes


def by_nearest(
    model: ClusterModelDocument, places: Sequence[ClusterAssignment]
) -> list[tuple[str, list[ClusterAssignment]]]:
    """Return every crystal that is nearest to something and to what; 'none' last."""
    groups = [
        (key, [place for place in places if place.nearest == key])
        for key in (*model.references, NO_CRYSTAL)
    ]
    return [(key, members) for key, members in groups if members]


def reference_points(model: ClusterModelDocument) -> dict[str, tuple[float, float]]:
    """Return the reference crystals in the plane of the first two components."""
    return {key: plane(vector) for key, vector in model.references.items()}


def plane(coordinates: Iterable[float]) -> tuple[float, float]:
    """Return the first two components of a vector, 0 for one that is lacking."""
    first, second, *_ = map(float, [*coordinates, 0.0, 0.0])
    return first, second


def shown_run(document: TransportDocument) -> RunSummary | None:
    """Return the run whose density is shown: the coldest one that was diffusive."""
    used = [run for run in document.runs if run.used]
    return min(used, key=lambda run: run.temperature) if used else None


def arrhenius_fit(document: TransportDocument) -> ArrheniusFit | None:
    """Return the Arrhenius line that a document holds, None when there is none."""
    if (
        document.activation_energy is None
        or document.prefactor is None
        or document.covariance is None
        or document.activation_energy_interval is None
    ):
        return None
    return ArrheniusFit(
        activation_energy=document.activation_energy,
        activation_energy_interval=document.activation_energy_interval,
        prefactor=document.prefactor,
        temperatures=np.array([r.temperature for r in document.runs if r.used]),
        covariance=np.array(document.covariance),
        chi_square_per_freedom=document.chi_square_per_freedom,
    )


@dataclass(frozen=True)
class ArrheniusCurve:
    """A fitted line with its 68 % band, from the hottest run to the coldest shown."""

    inverse: NDArray[np.float64]
    """1000/T (1/K), ascending."""
    D: NDArray[np.float64]
    """Diffusivity (cm^2/s)."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    measured: NDArray[np.bool_]
    """Whether a point lies between the runs; beyond it is extrapolated."""
    label: str
    """Activation energy with half its interval."""


def arrhenius_curve(document: TransportDocument) -> ArrheniusCurve | None:
    """Return the fitted line, down to the reference temperature; None without a fit."""
    fit = arrhenius_fit(document)
    if fit is None:
        return None
    hottest, coldest = fit.temperatures.max(), fit.temperatures.min()
    end = min(document.reference_temperature, coldest)
    T = 1 / np.linspace(1 / hottest, 1 / end, 100)
    D, factor = fit.D(T), np.exp(fit.log_std(T))
    low, high = fit.activation_energy_interval
    label = f"{fit.activation_energy:.3f} ± {(high - low) / 2:.3f} eV"
    return ArrheniusCurve(1000 / T, D, D / factor, D * factor, coldest <= T, label)


def run_label(run: RunSummary) -> str:
    """Return how a run is named in a legend."""
    broke = ", framework broke" if run.framework_survived is False else ""
    return f"{run.temperature:g} K{broke}" + ("" if run.used else ", not used")
