"""Classes of structures: scaling, PCA, similarity to crystals, k-means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, count
from typing import TYPE_CHECKING

import numpy as np
import scipy
from pydantic import Field, model_validator

from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.schemas.clusters import ClusterModel

if TYPE_CHECKING:
    from sklearn.cluster import KMeans

_STARTS = 20
"""Starts of k-means per number of classes; the best is kept."""


class ClusteringError(LpsFlowsError):
    """Fingerprints that cannot be clustered."""


_KNOWN = ("LiPS3", "Li7P3S11", "beta-Li3PS4", "gamma-Li3PS4", "LT-Li7PS6", "Li2S")


class ClusterSettings(FrozenSettings):
    """How fingerprints are reduced and grouped.

    Examples
    --------
    >>> ClusterSettings(n_clusters=4).n_components
    10
    """

    n_components: int = Field(10, ge=1, description="Principal components kept.")
    references: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Keys of the crystals that structures are compared with; null: "
        f"{', '.join(_KNOWN)} on Li2S-P2S5, and on another line all of the campaign's.",
    )
    similarity_threshold: float = Field(
        0.3,
        ge=-1,
        le=1,
        description="Similarity below which a structure has no nearest crystal.",
    )
    n_clusters: int | None = Field(
        None,
        ge=2,
        description="Number of classes, fewer when there are not more structures than "
        "that; null: by silhouette.",
    )
    n_clusters_range: tuple[int, int] = Field(
        (2, 10), description="Smallest and largest number of classes tried."
    )
    silhouette_sample: int = Field(
        2000,
        ge=10,
        description="Largest number of structures on which the number of classes is "
        "chosen; the classes themselves are fitted over all.",
    )
    seed: int = Field(0, ge=0, description="Seed of k-means and of the sample.")
    n_seeds: int = Field(
        5,
        ge=2,
        description="Seeds from which k-means is run to see whether it finds the same "
        "classes.",
    )

    @model_validator(mode="after")
    def _range_ascends(self) -> ClusterSettings:
        low, high = self.n_clusters_range
        if not 2 <= low <= high:
            raise ValueError("n_clusters_range needs 2 <= smallest <= largest")
        largest = high if self.n_clusters is None else self.n_clusters
        if self.silhouette_sample <= largest:
            raise ValueError(
                f"silhouette_sample needs more structures than the {largest} classes "
                "that are tried on them"
            )
        return self

    def on(self, line: CompositionLine) -> ClusterSettings:
        """Return the same settings with what the line decides filled in."""
        if self.references is not None or line != CompositionLine():
            return self
        return self.model_copy(update={"references": _KNOWN})


_DEFAULTS = ClusterSettings()


def takes_part(
    elements: Iterable[str], x: float | None, species: Sequence[str]
) -> bool:
    """Return True for structures that belong to the space the classes divide.

    Those are the structures on the composition line and, off it, those with every
    element of the system. Elements and binaries off the line (Li metal, Li3P) would
    dominate scaling and components, and leave all that matters in a single class.

    Examples
    --------
    >>> takes_part(["Li"], None, ("Li", "P", "S"))
    False
    """
    return x is not None or set(species) <= set(elements)


def fit_clusters(
    fingerprints: np.ndarray,
    references: Mapping[str, np.ndarray],
    settings: ClusterSettings = _DEFAULTS,
    previous: ClusterModel | None = None,
) -> ClusterModel:
    """Fit scaler, PCA and k-means over a whole database.

    Parameters
    ----------
    fingerprints
        One row per structure, shape (n_structures, n_features).
    references
        Raw fingerprints of the reference crystals by key; they take no part in the
        fit.
    previous
        Model of an earlier fit; the new classes take over the labels of the nearest
        old centres, so that a class keeps its number as the database grows.

    Raises
    ------
    ClusteringError
        With fewer than three different structures.

    Examples
    --------
    >>> fingerprints = np.repeat(np.eye(3), 4, axis=0) + np.arange(12)[:, None] / 100
    >>> len(fit_clusters(fingerprints, {}).centroids)
    3
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    data = np.asarray(fingerprints, dtype=float)
    n_distinct = len({row.tobytes() for row in data.round(10)}) if data.ndim == 2 else 0
    if n_distinct < 3:
        raise ClusteringError(
            "classes need at least three different structures",
            field="fingerprints",
            value=n_distinct,
            remedy="sample more structures first",
        )
    scaler = StandardScaler().fit(data)
    scaled = scaler.transform(data)
    pca = PCA(min(settings.n_components, *data.shape), svd_solver="full").fit(scaled)
    reduced = scaled @ pca.components_.T
    centroids, sizes, scores = _best_centroids(reduced, n_distinct, settings)
    model = ClusterModel(
        scaler_mean=scaler.mean_,
        scaler_scale=scaler.scale_,
        components=pca.components_,
        explained_variance=pca.explained_variance_ratio_,
        centroids=centroids,
        labels=list(range(len(centroids))),
        sizes=sizes.tolist(),
        stability=_stability(_sample(reduced, settings), len(centroids), settings),
        silhouette={str(k): score for k, score in scores.items()},
        references={},
        similarity_threshold=settings.similarity_threshold,
    )
    return model.model_copy(
        update={
            "labels": _stable_labels(model, previous),
            "references": {k: model.reduce(v)[0] for k, v in references.items()},
        }
    )


def _best_centroids(
    reduced: np.ndarray, n_distinct: int, settings: ClusterSettings
) -> tuple[np.ndarray, np.ndarray, dict[int, float]]:
    """Return centres and sizes of the chosen k, largest first, and all scores."""
    from sklearn.metrics import silhouette_score

    low, high = settings.n_clusters_range
    tried: Sequence[int] = (
        range(low, high + 1) if settings.n_clusters is None else (settings.n_clusters,)
    )
    part = _sample(reduced, settings)
    most = min(n_distinct, len(np.unique(part.round(9), axis=0))) - 1
    if most < 2:  # a sample of nearly one structure alone chooses nothing
        part, most = reduced, n_distinct - 1
    tried = [k for k in tried if k <= most] or [most]
    scores = {}
    for k in tried:
        labels = _k_means(k, settings).fit_predict(part)
        scores[k] = float(silhouette_score(part, labels))
    best = _k_means(max(scores, key=lambda k: scores[k]), settings).fit(reduced)
    sizes = np.bincount(best.labels_, minlength=len(best.cluster_centers_))
    order = np.argsort(-sizes, kind="stable")
    return best.cluster_centers_[order], sizes[order], scores


def _stability(reduced: np.ndarray, k: int, settings: ClusterSettings) -> float:
    """Return the worst agreement (adjusted Rand index) between two seeds."""
    from sklearn.metrics import adjusted_rand_score

    groupings = [
        _k_means(k, settings, shift).fit_predict(reduced)
        for shift in range(settings.n_seeds)
    ]
    return float(min(adjusted_rand_score(a, b) for a, b in combinations(groupings, 2)))


def _sample(reduced: np.ndarray, settings: ClusterSettings) -> np.ndarray:
    """Return the rows k is chosen on: all of them, or a seeded sample."""
    if len(reduced) <= settings.silhouette_sample:
        return reduced
    rng = np.random.default_rng(settings.seed)
    rows = rng.choice(len(reduced), settings.silhouette_sample, replace=False)
    return reduced[np.sort(rows)]


def _k_means(k: int, settings: ClusterSettings, shift: int = 0) -> KMeans:
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=_STARTS, random_state=settings.seed + shift)


def _stable_labels(model: ClusterModel, previous: ClusterModel | None) -> list[int]:
    """Take over labels from the nearest old centres, compared as fingerprints."""
    if previous is None or len(previous.scaler_mean) != len(model.scaler_mean):
        return model.labels
    new = model.centroids @ model.components
    old_raw = (
        previous.centroids @ previous.components
    ) * previous.scaler_scale + previous.scaler_mean
    old = (old_raw - model.scaler_mean) / model.scaler_scale
    matched = scipy.optimize.linear_sum_assignment(
        scipy.spatial.distance.cdist(new, old)
    )
    old_of = dict(zip(matched[0].tolist(), matched[1].tolist(), strict=True))
    fresh = count(max(*previous.labels, -1) + 1)
    return [
        previous.labels[old_of[k]] if k in old_of else next(fresh)
        for k in range(len(new))
    ]
