"""Fingerprints of structures: moments of atomic Chebyshev descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from lps_flows.analysis.neighbours import periodic_structure
from lps_flows.chemistry import AnyStructure, CompositionLine, element_symbols
from lps_flows.foundation import FrozenSettings, LpsFlowsError

if TYPE_CHECKING:
    from lps_flows.potential import ChebyshevDescriptor

DEFAULT_SPECIES = ("Li", "P", "S")


class FingerprintError(LpsFlowsError):
    """A fingerprint that cannot be computed or compared."""


class FingerprintSettings(FrozenSettings):
    """What goes into a fingerprint.

    Examples
    --------
    >>> FingerprintSettings().on(CompositionLine()).species
    ('Li', 'P', 'S')
    """

    element: str | None = Field(
        "mobile",
        description="Element whose atoms are averaged; mobile: the line's ion that "
        "moves; null: all atoms.",
    )
    moments: int = Field(2, ge=1, le=8, description="Number of moments K of Eq. 2.")
    species: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Species of the descriptor, whose order sets the weights; null: "
        "the line's elements, the ion that moves first and the anions last.",
    )
    radial_cutoff: float = Field(6.0, gt=0, description="Radial cutoff (Å).")
    radial_order: int = Field(18, ge=0, description="Order of the radial expansion.")
    angular_cutoff: float = Field(3.0, gt=0, description="Angular cutoff (Å).")
    angular_order: int = Field(4, ge=0, description="Order of the angular expansion.")

    def on(self, line: CompositionLine) -> FingerprintSettings:
        """Return the same settings with the line's elements in place of none."""
        ordered = (line.mobile, *line.formers, *line.elements)
        inner = dict.fromkeys(e for e in ordered if e not in line.anions)
        return self.model_copy(
            update={
                "element": line.mobile if self.element == "mobile" else self.element,
                "species": self.species or (*inner, *line.anions),
            }
        )


_LI_P_S = CompositionLine()


@lru_cache(maxsize=16)
def _descriptor(
    species: tuple[str, ...],
    radial_cutoff: float,
    radial_order: int,
    angular_cutoff: float,
    angular_order: int,
) -> ChebyshevDescriptor:
    # torch takes seconds to load: only when a fingerprint is computed
    from lps_flows.potential import ChebyshevDescriptor

    return ChebyshevDescriptor(
        species=species,
        radial_cutoff=radial_cutoff,
        radial_order=radial_order,
        angular_cutoff=angular_cutoff,
        angular_order=angular_order,
    )


def descriptor_of(settings: FingerprintSettings) -> ChebyshevDescriptor:
    """Return the descriptor of some fingerprints.

    Raises
    ------
    DescriptorError
        When its cutoffs, orders or species make none.
    """
    return _descriptor(
        settings.species or DEFAULT_SPECIES,
        settings.radial_cutoff,
        settings.radial_order,
        settings.angular_cutoff,
        settings.angular_order,
    )


def atomic_features(
    structure: AnyStructure, settings: FingerprintSettings
) -> np.ndarray:
    """Return the Chebyshev vectors of all atoms, shape (n_atoms, n_features).

    Raises
    ------
    FingerprintError
        When the structure holds an element the descriptor does not know.
    """
    structure = periodic_structure(structure)
    descriptor = descriptor_of(settings)
    unknown = sorted(set(element_symbols(structure)) - set(descriptor.species))
    if unknown:
        raise FingerprintError(
            f"the descriptor does not know {', '.join(unknown)}",
            field="species",
            value=descriptor.species,
            remedy="add the elements to the species of the fingerprint settings",
        )
    return descriptor.features(structure)


def moment_fingerprint(features: np.ndarray, moments: int) -> np.ndarray:
    """Return the moments of a set of atomic vectors, joined (the paper's Eq. 2).

    f(1) is the mean, f(k) = (1/N) sum_i (f_i - f(1))^k elementwise for k > 1.

    Parameters
    ----------
    features
        Atomic vectors, shape (n_atoms, n_features).

    Returns
    -------
    numpy.ndarray
        Shape (K n_features,).
    """
    mean = features.mean(axis=0)
    centred = features - mean
    higher = [(centred**k).mean(axis=0) for k in range(2, moments + 1)]
    return np.concatenate([mean, *higher])


def structure_fingerprint(
    structure: AnyStructure,
    element: str | None = "Li",
    moments: int = 2,
    species: Sequence[str] | None = None,
    settings: FingerprintSettings | None = None,
) -> np.ndarray:
    """Return the moment fingerprint of a structure (the paper's Eq. 2).

    Parameters
    ----------
    structure
        Ordered structure, of pymatgen or ASE.
    element
        Element whose atoms count; None for all atoms.
    species
        Species of the descriptor in order; by default Li, P, S when these cover the
        structure, so that all compositions share one vector space, and otherwise the
        structure's own elements in alphabetical order.
    settings
        All of it at once, descriptor included; takes the place of the other arguments.

    Returns
    -------
    numpy.ndarray
        Shape (K n_features,); 2 x 48 by default.

    Raises
    ------
    FingerprintError
        When the structure has no atom of the element, or elements that are not in
        the species.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> structure_fingerprint(crystal("beta-Li3PS4"), element="Li").shape
    (96,)
    """
    structure = periodic_structure(structure)
    if settings is None:
        own = tuple(sorted(set(element_symbols(structure))))
        if species is None:
            species = DEFAULT_SPECIES if set(own) <= set(DEFAULT_SPECIES) else own
        settings = FingerprintSettings(
            element=element, moments=moments, species=tuple(species)
        )
    settings = settings.on(_LI_P_S)
    features = atomic_features(structure, settings)
    if settings.element is not None:
        chosen = element_symbols(structure) == settings.element
        if not chosen.any():
            raise FingerprintError(
                f"{structure.composition.formula} has no {settings.element} atom",
                field="element",
                value=settings.element,
                remedy="choose an element of the structure, or none for all atoms",
            )
        features = features[chosen]
    return moment_fingerprint(features, settings.moments)


def similarity(F1: np.ndarray, F2: np.ndarray) -> float:
    """Return the similarity of two fingerprints (the paper's Eq. 3).

    S_P = F1.F2 / (|F1| |F2|), between -1 and 1; 1 for parallel vectors.

    Parameters
    ----------
    F1, F2
        Fingerprints of one space, raw or reduced, shape (n,).

    Raises
    ------
    FingerprintError
        When the lengths differ or a vector is zero.

    Examples
    --------
    >>> similarity(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    1.0
    """
    one, two = (np.asarray(v, dtype=float) for v in (F1, F2))
    if one.ndim != 1 or one.shape != two.shape:
        raise FingerprintError(
            "the fingerprints have different lengths",
            field="F1, F2",
            value=(one.shape, two.shape),
            remedy="make both with the same settings",
        )
    lengths = np.linalg.norm(one), np.linalg.norm(two)
    if min(lengths) == 0 or not np.isfinite(lengths).all():
        raise FingerprintError(
            "a fingerprint of zero length or with NaN has no direction",
            field="F1, F2",
            value=tuple(map(float, lengths)),
            remedy="check the structure it was made from",
        )
    return float(np.clip(one / lengths[0] @ (two / lengths[1]), -1.0, 1.0))
