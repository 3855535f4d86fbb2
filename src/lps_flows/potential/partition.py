"""Before training: reference energies, and who is held out."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from lps_flows.potential.errors import TrainingError
from lps_flows.potential.training_settings import TrainingSettings

logger = logging.getLogger(__name__)


def fit_atomic_energies(
    counts: np.ndarray,
    energies: np.ndarray,
    given: Mapping[str, float] | None,
    species: Sequence[str],
) -> np.ndarray:
    """Return the reference energy of each element (eV): those given, or fitted ones.

    `counts` (n_structures, n_elements) are the atoms and `energies` the totals (eV).
    Fitted by least squares to E = sum_z n_z E_z. Where the compositions do not
    determine the energies (a single composition, say), the shortest of all solutions
    is taken: it reproduces the mean energies just as well.
    """
    if given is not None:
        missing = [e for e in species if e not in given]
        if missing:
            raise TrainingError(
                f"no reference energy for {', '.join(missing)}",
                field="atomic_energies",
                value=dict(given),
                remedy="Give one for each element, or none to fit them",
            )
        return np.array([float(given[e]) for e in species])
    per_atom = counts.sum(axis=1)
    fractions = counts / per_atom[:, None]
    return np.linalg.lstsq(fractions, energies / per_atom, rcond=1e-8)[0]


def hold_out(
    counts: np.ndarray,
    groups: Sequence[Hashable] | None,
    settings: TrainingSettings,
    rng: np.random.Generator,
    unseen: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose training and validation structures: two sorted arrays of indices.

    `counts` (n_structures, n_elements) are the atoms of each element; structures of one
    of the `groups` stay on one side. Structures with an element that training would
    lack are moved to the training part. Where `unseen` indices are given, which the
    weights begun with were not trained on, a part of those is held out, group by group
    where the groups are small enough.
    """
    n = len(counts)
    candidates = np.arange(n) if unseen is None else unseen
    fraction = settings.validation_fraction
    if fraction == 0:
        return np.arange(n), np.arange(0)
    if n < 2:
        raise TrainingError(
            "too few structures to hold some out",
            field="structures",
            value=n,
            remedy="Give more, or set validation_fraction=0",
        )
    wanted = min(max(1, round(fraction * len(candidates))), n - 1)
    by_group = settings.split == "group" or (
        settings.split == "auto" and groups is not None
    )
    if unseen is not None and by_group and groups is not None:
        groups = [groups[k] for k in unseen]
        by_group = fraction * len(set(groups)) >= 1
    if not by_group:
        chosen = rng.permutation(len(candidates))[:wanted]
    else:
        chosen = _whole_groups(len(candidates), groups, wanted, rng)
    held = np.zeros(n, bool)
    held[candidates[chosen]] = True
    for z in range(counts.shape[1]):
        having = counts[:, z] > 0
        if having.any() and not (having & ~held).any():
            logger.info("an element occurs in held-out structures only: moved them")
            held &= ~having
    if not held.any():
        raise TrainingError(
            "every structure is needed for training: none can be held out",
            field="validation_fraction",
            value=fraction,
            remedy="Give more structures of the rarest element, or set it to 0",
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def _whole_groups(
    n: int, groups: Sequence[Hashable] | None, wanted: int, rng: np.random.Generator
) -> np.ndarray:
    if groups is None or len(groups) != n:
        raise TrainingError(
            "a split by group needs one group per structure",
            field="groups",
            value=None if groups is None else len(groups),
            remedy="Pass groups=, or split='random'",
        )
    names = list(dict.fromkeys(groups))
    if len(names) < 2:
        raise TrainingError(
            "all structures are of one group, which cannot be on both sides",
            field="groups",
            value=names,
            remedy="Set split='random', or give more groups",
        )
    index = {name: k for k, name in enumerate(names)}
    label = np.array([index[g] for g in groups])
    sizes = np.bincount(label)
    order = rng.permutation(len(names))
    chosen: list[int] = []
    count = 0
    for k in order:
        # only groups that bring the held-out part closer to its size
        if abs(count + sizes[k] - wanted) < abs(count - wanted):
            chosen.append(int(k))
            count += int(sizes[k])
    if not chosen:
        chosen = [int(order[np.argmin(sizes[order])])]
    return np.flatnonzero(np.isin(label, chosen))
