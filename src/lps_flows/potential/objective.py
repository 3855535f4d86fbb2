"""The training loss of all restarts at once, and its gradient.

Per member, in scaled units (energies times the energy scale):

L = w_E mean_s (dE_s / N_s)^2 + w_F mean_f (dF_f)^2 + w_2 / n mean_k (weight_k)^2

over structures s, force components f (eV/Å, scaled), weights k and the number n of
energies and force components, so that the last term fades as data grow. ænet's loss is
the first term.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lps_flows.potential.derivatives import pull_back, push_forward
from lps_flows.potential.geometry import Batch
from lps_flows.potential.pairs import NeighbourPairs, find_pairs
from lps_flows.potential.parametrisation import Parametrisation
from lps_flows.potential.stacked import Pass
from lps_flows.potential.threads import run_all
from lps_flows.potential.training_data import TrainingData

_ATOMS_PER_CHUNK = 1024


@dataclass(frozen=True)
class Chunk:
    """Whole structures that one thread works on, in the units of the loss.

    Parameters
    ----------
    targets
        (n_structures) scaled energy per atom beyond the networks' zero.
    counts
        (n_structures) atoms of each.
    inputs
        Per element (n_features, n_atoms of it) inputs of the networks in training.
    atoms
        Per element the atoms of the chunk it stands for.
    owner
        (n_atoms) structure of each atom, counted in the chunk.
    starts
        (n_structures) first atom of each structure.
    element
        (n_atoms) element of each atom.
    pairs
        Neighbours, when forces count.
    forces
        (n_atoms, 3) scaled reference forces, when forces count.
    """

    targets: np.ndarray
    counts: np.ndarray
    inputs: tuple[np.ndarray, ...]
    atoms: tuple[np.ndarray, ...]
    owner: np.ndarray
    starts: np.ndarray
    element: np.ndarray
    pairs: NeighbourPairs | None
    forces: np.ndarray | None


@dataclass
class Values:
    """Loss of each member with its parts: mean squared errors in scaled units."""

    loss: np.ndarray
    energy: np.ndarray
    force: np.ndarray
    gradient: np.ndarray | None


def make_chunks(
    parametrisation: Parametrisation,
    data: TrainingData,
    features: np.ndarray,
    forces: Sequence[np.ndarray | None],
    chosen: np.ndarray,
    *,
    atoms_per_chunk: int = _ATOMS_PER_CHUNK,
) -> list[Chunk]:
    """Cut the chosen structures into chunks; those with forces that count apart."""
    normalisation, batch = parametrisation.normalisation, data.batch
    cutoff, scale = parametrisation.descriptor.radial_cutoff, normalisation.energy_scale
    counts = np.diff(batch.starts)
    with_forces = np.array([forces[s] is not None for s in chosen], bool)
    chunks = []
    for flag in (True, False):
        alike = chosen[with_forces == flag]
        filled = np.cumsum(counts[alike]) // atoms_per_chunk
        for part in np.unique(filled):
            take = alike[filled == part]
            rows = np.concatenate(
                [np.arange(batch.starts[s], batch.starts[s + 1]) for s in take]
            )
            element = batch.element[rows]
            n = counts[take]
            starts = np.concatenate([[0], np.cumsum(n)])
            atoms, inputs = [], []
            for z, input_map in enumerate(parametrisation.input_maps):
                here = np.flatnonzero(element == z)
                centred = features[rows[here]] - normalisation.mean[z]
                atoms.append(here)
                inputs.append(input_map @ centred.T)
            offset = np.add.reduceat(normalisation.offsets[element], starts[:-1])
            small = Batch(
                batch.positions[rows],
                batch.cells[take],
                batch.pbc[take],
                starts,
                element,
                np.repeat(np.arange(len(take)), n),
                batch.volumes[take],
            )
            chunks.append(
                Chunk(
                    targets=scale * (data.energies[take] - offset) / n,
                    counts=n,
                    inputs=tuple(inputs),
                    atoms=tuple(atoms),
                    owner=small.structure,
                    starts=starts[:-1],
                    element=element,
                    pairs=find_pairs(small, cutoff) if flag else None,
                    forces=scale * np.concatenate([forces[s] for s in take])
                    if flag
                    else None,
                )
            )
    return chunks


class Objective:
    """Loss and gradient of any number of members over chunks of `make_chunks`."""

    def __init__(
        self,
        parametrisation: Parametrisation,
        chunks: Sequence[Chunk],
        *,
        energy_weight: float,
        force_weight: float,
        weight_decay: float,
        threads: int,
    ) -> None:
        self.parametrisation = parametrisation
        self.chunks, self.threads = chunks, threads
        self.n_structures = sum(len(c.counts) for c in chunks)
        self.n_components = sum(
            c.forces.size for c in chunks if c.forces is not None and force_weight > 0
        )
        self.energy_weight, self.force_weight = energy_weight, force_weight
        n_data = self.n_structures + self.n_components
        self.weight_decay = weight_decay / max(n_data, 1)

    def __call__(self, flat: np.ndarray, gradient: bool = True) -> Values:
        """Evaluate members with parameters `flat` (M, n_parameters)."""
        total = self._sums(flat, gradient)
        total.energy /= self.n_structures
        total.force /= max(self.n_components, 1)
        total.loss = self.energy_weight * total.energy + self.force_weight * total.force
        if self.weight_decay > 0:
            total.loss += self.weight_decay * (flat**2).mean(axis=1)
            if total.gradient is not None:
                total.gradient += self.weight_decay * 2.0 / flat.shape[1] * flat
        return total

    def _sums(self, flat: np.ndarray, gradient: bool) -> Values:
        """Return squared errors summed over the set, and the data's gradient."""

        def work(begin: int, end: int) -> Values:
            total = Values(
                np.zeros(len(flat)),
                np.zeros(len(flat)),
                np.zeros(len(flat)),
                np.zeros_like(flat) if gradient else None,
            )
            for chunk in self.chunks[begin:end]:
                self._chunk(chunk, flat, total)
            return total

        # one task per chunk: their order of addition does not depend on the threads
        ranges = [(k, k + 1) for k in range(len(self.chunks))]
        parts = run_all(work, ranges, self.threads)
        total = parts[0]
        for part in parts[1:]:
            total.energy += part.energy
            total.force += part.force
            if total.gradient is not None and part.gradient is not None:
                total.gradient += part.gradient
        return total

    def _chunk(self, chunk: Chunk, flat: np.ndarray, total: Values) -> None:
        passes = [
            Pass(layout, flat, x)
            for layout, x in zip(
                self.parametrisation.layouts, chunk.inputs, strict=True
            )
        ]
        atomic = np.empty((len(flat), len(chunk.owner)))
        for p, atoms in zip(passes, chunk.atoms, strict=True):
            atomic[:, atoms] = p.output
        energies = np.add.reduceat(atomic, chunk.starts, axis=1) / chunk.counts
        miss = energies - chunk.targets
        total.energy += (miss**2).sum(axis=1)
        directions = None
        if chunk.forces is not None and self.n_components:
            directions = self._forces(chunk, passes, total)
        if total.gradient is None:
            return
        pull = (2.0 * self.energy_weight / self.n_structures) * miss / chunk.counts
        weight = pull[:, chunk.owner]
        for z, (p, atoms) in enumerate(zip(passes, chunk.atoms, strict=True)):
            direction = None
            if directions is not None:
                input_map = self.parametrisation.input_maps[z]
                direction = input_map @ directions[atoms].transpose(1, 2, 0)
            p.add_gradient(weight[:, atoms], direction, total.gradient)

    def _forces(
        self, chunk: Chunk, passes: Sequence[Pass], total: Values
    ) -> np.ndarray | None:
        """Add the force error; return dL/d(dE/dG), (n_atoms, M, n_features)."""
        d, pairs = self.parametrisation.descriptor, chunk.pairs
        if pairs is None or chunk.forces is None:
            return None
        members, n = len(total.energy), len(chunk.owner)
        slope = np.empty((n, members, d.n_features))
        for z, (p, atoms) in enumerate(zip(passes, chunk.atoms, strict=True)):
            input_map = self.parametrisation.input_maps[z]
            slope[atoms] = (input_map.T @ p.input_slopes()).transpose(2, 0, 1)
        common = (pairs.first, pairs.neighbour, pairs.vectors, chunk.element, d.spins)
        forces = np.zeros((members, n, 3))
        virial = np.zeros((members, 1, 9))
        none = np.zeros(n, np.int64)
        pull_back(*common, d.radial, d.angular, slope, 0, none, 0, forces, virial)
        miss = forces - chunk.forces
        total.force += (miss**2).sum(axis=(1, 2))
        if total.gradient is None:
            return None
        moves = (-2.0 * self.force_weight / self.n_components) * miss
        push_forward(*common, d.radial, d.angular, moves, 0, slope)
        return slope
