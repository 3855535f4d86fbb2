"""The training set in arrays, and the scaling taken from its training part."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Hashable, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np

from lps_flows.chemistry import AnyStructure
from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.errors import TrainingError
from lps_flows.potential.geometry import Batch, is_single, species_present
from lps_flows.potential.normalisation import SWITCHED_OFF, Normalisation
from lps_flows.potential.partition import fit_atomic_energies
from lps_flows.potential.training_settings import TrainingSettings

logger = logging.getLogger(__name__)

RESOLVED = 1e-7
"""Smallest standard deviation, relative to the mean, that a mean square can carry."""


@dataclass(frozen=True)
class TrainingData:
    """The training set, checked and in arrays.

    Parameters
    ----------
    descriptor
        For the species of the settings, or those present in alphabetical order.
    energies
        (n_structures) total energies (eV).
    forces
        Per structure (n_atoms, 3) (eV/Å) or None; None when no forces were given.
    counts
        (n_structures, n_elements) atoms of each element.
    """

    structures: list[AnyStructure]
    descriptor: ChebyshevDescriptor
    batch: Batch
    energies: np.ndarray
    forces: list[np.ndarray | None] | None
    counts: np.ndarray
    sources: list[str] | None
    digest: str

    @classmethod
    def collect(
        cls,
        structures: Sequence[AnyStructure],
        energies: Sequence[float] | np.ndarray,
        settings: TrainingSettings,
        *,
        forces: Sequence[Any] | None,
        groups: Sequence[Hashable] | None,
        sources: Sequence[str] | None,
    ) -> TrainingData:
        """Check the arguments of `train_potential` and put them into arrays."""
        if is_single(structures):
            raise TrainingError(
                "a single structure is no set",
                field="structures",
                value=type(structures).__name__,
                remedy="Pass a list",
            )
        structures = list(structures)
        for name, values in (
            ("energies", energies),
            ("forces", forces),
            ("groups", groups),
            ("sources", sources),
        ):
            n = len(values) if isinstance(values, Sized) else None
            if values is not None and n != len(structures):
                raise TrainingError(
                    f"{len(structures)} structures were given",
                    field=f"len({name})",
                    value=n,
                    remedy="Give one per structure",
                )
        if not structures:
            raise TrainingError("no structure was given", field="structures", value=[])
        if forces is not None and all(f is None for f in forces):
            forces = None
        asked = settings.force_weight != TrainingSettings().force_weight
        if forces is None and asked and settings.force_weight > 0:
            raise TrainingError(
                "no structure has forces to train on",
                field="force_weight",
                value=settings.force_weight,
                remedy="Give forces, or leave the weight out",
            )
        known = _numbers("energies", energies, (len(structures),))
        species = settings.species or species_present(structures)
        descriptor = settings.descriptor.descriptor(species)
        batch = descriptor.batch(structures)
        counts = np.zeros((len(structures), len(species)), np.int64)
        np.add.at(counts, (batch.structure, batch.element), 1)
        digest = hashlib.sha256()
        for part in (batch.positions, batch.cells, batch.element, batch.starts, known):
            digest.update(np.ascontiguousarray(part).tobytes())
        arrays: list[np.ndarray | None] | None = None
        if forces is not None:
            arrays = []
            for k, f in enumerate(forces):
                shape = (int(batch.starts[k + 1] - batch.starts[k]), 3)
                array = None if f is None else _numbers(f"forces[{k}]", f, shape)
                arrays.append(array)
                digest.update(b"" if array is None else array.tobytes())
        return cls(
            structures,
            descriptor,
            batch,
            known,
            arrays,
            counts,
            None if sources is None else [str(s) for s in sources],
            digest.hexdigest(),
        )

    def within(self, max_force: float | None) -> np.ndarray:
        """Return the structures with no force above a limit (eV/Å), and say of others.

        Raises
        ------
        TrainingError
            When none is left.
        """
        largest = np.array(
            [
                0.0 if f is None or not len(f) else np.linalg.norm(f, axis=1).max()
                for f in self.forces or [None] * len(self.energies)
            ]
        )
        if max_force is None or not (wild := largest > max_force).any():
            return np.arange(len(largest))
        if wild.all():
            raise TrainingError(
                f"every structure has a larger force, the least {largest.min():.1f}",
                field="max_force",
                value=max_force,
                remedy="Raise it, or give structures nearer to their minima",
            )
        logger.warning(
            "%d of %d structures are left out: a force above %g eV/Å",
            *(wild.sum(), len(wild), max_force),
        )
        return np.flatnonzero(~wild)


def _numbers(field: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return `values` as finite float64 of this shape, or say what is wrong."""
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise TrainingError(
            f"not numbers ({error})", field=field, remedy=f"Give numbers, {shape}"
        ) from None
    if array.shape != shape:
        raise TrainingError(
            f"must be numbers of shape {shape}",
            field=field,
            value=array.shape,
            remedy="Give None for a structure without forces"
            if len(shape) == 2
            else "Give one total energy (eV) per structure",
        )
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        first = tuple(bad[0].tolist())
        raise TrainingError(
            "not finite",
            field=field + "".join(f"[{k}]" for k in first),
            value=float(array[first]),
            remedy="Leave out what was not computed",
        )
    return array


def normalise(
    data: TrainingData,
    features: np.ndarray,
    train: np.ndarray,
    forces: Sequence[np.ndarray | None],
    settings: TrainingSettings,
) -> Normalisation:
    """Take statistics, reference energies and energy scale from the training part.

    The energy scale is ænet's 2 / (Emax - Emin), but no larger than one over the rms
    force when forces are trained on, so that both are of order one.
    """
    species, width = data.descriptor.species, features.shape[1]
    inside = np.isin(data.batch.structure, train)
    mean, mean_square, lowest, highest = np.zeros((4, len(species), width))
    for z, symbol in enumerate(species):
        g = features[inside & (data.batch.element == z)]
        if not len(g):
            logger.warning(
                "no %s in the training part: its network learns nothing", symbol
            )
            continue
        mean[z], spread = g.mean(axis=0), g.std(axis=0)
        # mean and mean square carry no spread below their own rounding
        off = spread <= np.maximum(SWITCHED_OFF, RESOLVED * np.abs(mean[z]))
        mean_square[z] = mean[z] ** 2 + np.where(off, 0.0, spread**2)
        lowest[z], highest[z] = g.min(axis=0), g.max(axis=0)
        if off.any():
            logger.warning(
                "%d of %d features of %s are constant over the training part and "
                "switched off",
                off.sum(),
                width,
                symbol,
            )
    atomic = fit_atomic_energies(
        data.counts[train], data.energies[train], settings.atomic_energies, species
    )
    cohesive = (data.energies - data.counts @ atomic) / data.counts.sum(axis=1)
    low, high = cohesive[train].min(), cohesive[train].max()
    scale = 2.0 / (high - low) if high - low > 1e-8 else 1.0
    pulls = [forces[s] for s in train if forces[s] is not None]
    if pulls:
        # forces of order one as well, whatever the spread of the energies
        size = float(np.sqrt(np.mean(np.concatenate(pulls) ** 2)))
        scale = min(scale, 1.0 / max(size, 1e-3))
    return Normalisation(
        mean=mean,
        mean_square=mean_square,
        minimum=lowest,
        maximum=highest,
        n_atoms=data.counts[train].sum(axis=0),
        atomic_energies=atomic,
        energy_scale=float(scale),
        energy_shift=float(0.5 * (high + low)),
    )
