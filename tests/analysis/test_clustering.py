"""Classes recover phases; labels are stable; a crystal is its own nearest."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.metrics import adjusted_rand_score

from lps_flows.analysis import ClusterSettings, fit_clusters, structure_fingerprint
from lps_flows.analysis.clustering import ClusteringError
from lps_flows.chemistry import crystal

PHASES = (
    "LiPS3",
    "Li7P3S11",
    "beta-Li3PS4",
    "gamma-Li3PS4",
    "LT-Li7PS6",
    "Li2S",
)
SUPERCELLS = {
    "LiPS3": (1, 2, 2),
    "Li7P3S11": (1, 2, 1),
    "beta-Li3PS4": (1, 2, 2),
    "gamma-Li3PS4": (2, 2, 2),
    "LT-Li7PS6": (1, 1, 1),
    "Li2S": (2, 2, 2),
}
N_EACH = 8
# mean square displacements of sulfides at 300 K: about 0.1 Å per component
SIGMA_300_K = 0.1


@pytest.fixture(scope="module")
def references() -> dict[str, np.ndarray]:
    return {key: structure_fingerprint(crystal(key)) for key in PHASES}


@pytest.fixture(scope="module")
def database() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    rows, phases = [], []
    for phase, key in enumerate(PHASES):
        for _ in range(N_EACH):
            cell = crystal(key) * SUPERCELLS[key]
            moves = rng.normal(scale=SIGMA_300_K, size=(len(cell), 3))
            cell = cell.copy()
            for site, move in enumerate(moves):
                cell.translate_sites(site, move, frac_coords=False)
            rows.append(structure_fingerprint(cell))
            phases.append(phase)
    return np.array(rows), np.array(phases)


def test_rattled_phases_are_recovered(
    database: tuple[np.ndarray, np.ndarray],
    references: dict[str, np.ndarray],
    record_property: Callable[[str, float], None],
) -> None:
    rows, phases = database
    model = fit_clusters(rows, references)
    labels = model.classify(model.reduce(rows))
    score = adjusted_rand_score(phases, labels)
    record_property("adjusted_rand_index", score)
    assert score >= 0.9


def test_crystal_is_its_own_nearest(
    database: tuple[np.ndarray, np.ndarray], references: dict[str, np.ndarray]
) -> None:
    model = fit_clusters(database[0], references)
    for key, fingerprint in references.items():
        similarities = model.similarities(model.reduce(fingerprint)[0])
        assert model.nearest(similarities) == key
        assert similarities[key] == pytest.approx(1.0)


def test_rattled_crystals_find_their_parent(
    database: tuple[np.ndarray, np.ndarray], references: dict[str, np.ndarray]
) -> None:
    rows, phases = database
    model = fit_clusters(rows, references)
    nearest = [model.nearest(model.similarities(v)) for v in model.reduce(rows)]
    right = np.mean([PHASES[p] == n for p, n in zip(phases, nearest, strict=True)])
    assert right >= 0.9


def test_polymorphs_are_told_apart(
    database: tuple[np.ndarray, np.ndarray], references: dict[str, np.ndarray]
) -> None:
    model = fit_clusters(database[0], references)
    three = {
        key: model.reduce(structure_fingerprint(crystal(key)))[0]
        for key in ("alpha-Li3PS4", "beta-Li3PS4", "gamma-Li3PS4")
    }
    keys = list(three)
    for a in keys:
        for b in keys:
            if a != b:
                model_similarity = (
                    three[a]
                    @ three[b]
                    / (np.linalg.norm(three[a]) * np.linalg.norm(three[b]))
                )
                assert model_similarity < 0.99


def test_nothing_similar_is_none(
    database: tuple[np.ndarray, np.ndarray], references: dict[str, np.ndarray]
) -> None:
    model = fit_clusters(
        database[0], references, ClusterSettings(similarity_threshold=1.0)
    )
    assert model.nearest({"LiPS3": 0.9999}) == "none"


def test_fit_is_repeatable_and_labels_survive_growth(
    database: tuple[np.ndarray, np.ndarray], references: dict[str, np.ndarray]
) -> None:
    rows, phases = database
    first = fit_clusters(rows, references)
    again = fit_clusters(rows, references)
    assert np.array_equal(first.centroids, again.centroids)
    few = np.concatenate(
        [rows[phases == p][: 3 if p == 0 else N_EACH] for p in range(6)]
    )
    young = fit_clusters(few, references, ClusterSettings(n_clusters=6))
    grown = fit_clusters(rows, references, ClusterSettings(n_clusters=6), young)
    before = young.classify(young.reduce(few))
    after = grown.classify(grown.reduce(few))
    assert np.array_equal(before, after)


def test_a_new_class_gets_a_new_label(
    database: tuple[np.ndarray, np.ndarray], references: dict[str, np.ndarray]
) -> None:
    rows, phases = database
    without = fit_clusters(rows[phases != 5], {}, ClusterSettings(n_clusters=5))
    with_it = fit_clusters(rows, {}, ClusterSettings(n_clusters=6), without)
    assert sorted(with_it.labels) == [0, 1, 2, 3, 4, 5]
    new = with_it.classify(with_it.reduce(rows[phases == 5]))
    assert set(new) == {5}


def test_too_few_structures_are_refused() -> None:
    with pytest.raises(ClusteringError, match="three different"):
        fit_clusters(np.ones((5, 4)), {})


def test_the_sample_that_chooses_holds_more_than_the_classes_tried():
    with pytest.raises(ValidationError, match="silhouette_sample"):
        ClusterSettings(silhouette_sample=10)
    with pytest.raises(ValidationError, match="12 classes"):
        ClusterSettings(silhouette_sample=10, n_clusters=12)
    rng = np.random.default_rng(0)
    # a sample may hold some structures several times
    rows = np.repeat(rng.normal(size=(6, 4)), 20, axis=0)
    settings = ClusterSettings(silhouette_sample=11)
    assert 2 <= len(fit_clusters(rows, {}, settings).centroids) < 6
    # … or hold one alone, of three
    rows = np.vstack([np.zeros((300, 4)), rng.normal(size=(2, 4))])
    assert len(fit_clusters(rows, {}, settings).centroids) == 2


def blobs(*places: float, sizes: int | tuple[int, ...] = 10) -> np.ndarray:
    """Return points about places of a line, place by place."""
    rng = np.random.default_rng(0)
    each = sizes if isinstance(sizes, tuple) else (sizes,) * len(places)
    centres = np.repeat(places, each)
    return (centres + 0.1 * rng.normal(size=len(centres)))[:, None]


@pytest.mark.parametrize("sizes", list(permutations((5, 10, 20))))
def test_classes_stand_by_their_size(sizes: tuple[int, ...]) -> None:
    places = np.array([0.0, 50.0, 100.0])
    three = ClusterSettings(n_clusters=3)
    model = fit_clusters(blobs(*places, sizes=sizes), {}, three)
    assert model.sizes == [20, 10, 5]
    by_size = places[np.argsort(sizes)[::-1]]
    assert model.classify(model.reduce(by_size[:, None])).tolist() == [0, 1, 2]


def test_labels_follow_the_old_centres_whatever_the_scale_becomes() -> None:
    """A class between two old ones is the new one, and gets a number of its own."""
    old = fit_clusters(blobs(0, 100), {}, ClusterSettings(n_clusters=2))
    old = old.model_copy(update={"labels": [7, 2]})
    ends = np.array([[0.0], [100.0]])
    before = old.classify(old.reduce(ends)).tolist()
    new = fit_clusters(blobs(0, 45, 100), {}, ClusterSettings(n_clusters=3), old)
    assert new.classify(new.reduce(ends)).tolist() == before
    assert sorted(new.labels) == [2, 7, 8]


def test_the_number_of_classes_is_chosen_on_a_sample_of_all() -> None:
    """A third of the structures in their order would be one class alone."""
    part = ClusterSettings(silhouette_sample=30, n_clusters_range=(2, 6))
    model = fit_clusters(blobs(0, 50, 100, sizes=30), {}, part)
    assert len(model.labels) == 3
    assert model.sizes == [30, 30, 30]


def test_classes_that_any_turn_would_do_for_are_not_stable() -> None:
    """Points on a circle: each seed cuts it elsewhere; those apart are cut as one."""
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    assert fit_clusters(circle, {}, ClusterSettings(n_clusters=4)).stability < 0.8
    apart = fit_clusters(blobs(0, 50, 100), {}, ClusterSettings(n_clusters=3))
    assert apart.stability == 1.0
