"""Energies, forces and stresses of many structures in one call."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lps_flows.chemistry import AnyStructure
from lps_flows.potential import kernels
from lps_flows.potential.committee import Committee
from lps_flows.potential.derivatives import pull_back
from lps_flows.potential.descriptor import LARGEST_CHUNK
from lps_flows.potential.errors import PotentialError
from lps_flows.potential.forward import run_networks
from lps_flows.potential.geometry import Batch, is_single
from lps_flows.potential.pairs import NeighbourPairs, SkinPairs
from lps_flows.potential.threads import available_threads, run_all, split_range

if TYPE_CHECKING:
    from lps_flows.potential.torch_path import TorchEvaluation

_SMALLEST_SHARE = 256
"""Atoms, times members, below which waking another thread costs more than it saves."""


@dataclass(frozen=True)
class EvaluationResult:
    """What the potential says of one structure.

    Parameters
    ----------
    energy
        Total energy (eV).
    atomic_energies
        (n_atoms), their sum is the energy (eV).
    forces
        (n_atoms, 3) (eV/Å).
    stress
        (3, 3), positive under tension (eV/Å^3); None for an isolated structure.
    energy_std
        Standard deviation of the committee's energies per atom (eV/atom).
    forces_std
        (n_atoms, 3) standard deviation of the committee's forces (eV/Å).
    """

    energy: float
    atomic_energies: np.ndarray
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    energy_std: float | None = None
    forces_std: np.ndarray | None = None


@dataclass
class BatchValues:
    """Values of all members over a batch, before they are cut into results.

    `output` (n_members, n_atoms) network outputs; `forces` (n_members, n_atoms, 3) and
    `virial` (n_members, n_structures, 3, 3) their derivatives, in network units.
    """

    output: np.ndarray
    forces: np.ndarray | None
    virial: np.ndarray | None


class Evaluator:
    """Evaluates the same atoms again and again, keeping neighbour lists in between.

    Make one per trajectory or relaxation batch with ``potential.evaluator(skin=0.5)``.
    Neighbour lists are reused until an atom has moved about half of the skin;
    results agree with those of fresh lists to 1e-10.

    The `skin` is added to the cutoff (Å); 0 searches anew when anything moves. Uses
    OMP_NUM_THREADS or all `threads` by default.
    """

    def __init__(
        self, potential: Committee, skin: float = 0.0, threads: int | None = None
    ) -> None:
        if not (np.isfinite(skin) and skin >= 0):
            raise PotentialError(
                "a skin is zero or a positive length", field="skin", value=skin
            )
        self.potential = potential
        self.threads = threads
        self._lists = SkinPairs(potential.descriptor.radial_cutoff, skin)

    @cached_property
    def _on_device(self) -> TorchEvaluation:
        # torch loads slowly
        from lps_flows.potential.torch_path import TorchEvaluation

        return TorchEvaluation(self.potential)

    @property
    def n_searches(self) -> int:
        """Neighbour searches made so far."""
        return self._lists.n_searches

    def evaluate(
        self,
        structures: AnyStructure | Sequence[AnyStructure],
        forces: bool = True,
        stress: bool = True,
        committee: bool = False,
        keys: Sequence[Hashable] | None = None,
    ) -> Any:
        """Evaluate one structure or many, in one batch.

        Parameters
        ----------
        structures
            A structure (pymatgen Structure or Molecule, ASE Atoms), or a list of them.
        forces, stress
            Whether to compute them.
        committee
            Whether to add the standard deviations over all members. Energy and forces
            are those of the best member either way.
        keys
            Names of the structures of a list, by which their neighbour lists are known
            when it shrinks or changes its order; their positions in it if None.

        Returns
        -------
        EvaluationResult or list of EvaluationResult
            One per structure; a bare structure gives a bare result.

        Raises
        ------
        UnknownElementError, OverlappingAtomsError, StructureError
            When a structure cannot be evaluated.
        PotentialError
            When a committee is asked of a potential with one member, or the keys do
            not name every structure once.
        """
        single = is_single(structures)
        batch = self.potential.descriptor.batch(
            [structures] if single else structures  # type: ignore[list-item, arg-type]
        )
        if committee and len(self.potential.members) < 2:
            raise PotentialError(
                "the potential has a single member",
                field="committee",
                value=True,
                remedy="Train with two restarts or more, or leave committee=False",
            )
        names = range(len(batch)) if keys is None else _distinct(keys, len(batch))
        threads = self.threads or available_threads()
        self._lists.update(batch, names, threads)
        values = self._values(batch, forces or stress, committee)
        results = _cut(
            self.potential, batch, values, forces=forces, stress=stress, all_=committee
        )
        return results[0] if single else results

    def _values(self, batch: Batch, derivatives: bool, committee: bool) -> BatchValues:
        n = len(batch.positions)
        if self.potential.device != "cpu":
            return BatchValues(
                *self._on_device.evaluate(
                    batch, self._lists, derivatives=derivatives, committee=committee
                )
            )
        threads = self.threads or available_threads()
        members = len(self.potential.members) if committee else 1
        output = np.empty((members, n))
        packed = self.potential.packed(committee)

        largest = max(_SMALLEST_SHARE, LARGEST_CHUNK // members)

        def work(begin: int, end: int) -> _Share:
            share = _Share.of(batch, begin, end, members if derivatives else 0)
            for a, b in split_range(end - begin, 1, largest):
                atoms = (begin + a, begin + b)
                _evaluate_range(
                    self.potential,
                    packed,
                    batch,
                    self._lists.pairs(batch, *atoms),
                    atoms=atoms,
                    output=output,
                    share=share,
                )
            return share

        shares = min(threads, max(1, n * members // _SMALLEST_SHARE))
        parts = run_all(work, split_range(n, shares, n), threads)
        self.potential.descriptor.check_distances(
            np.min([part.closest for part in parts], axis=0)
        )
        if not derivatives:
            return BatchValues(output, None, None)
        if len(parts) == 1:
            forces, virial = parts[0].forces, parts[0].virial
        else:
            forces = np.zeros((members, n, 3))
            virial = np.zeros((members, len(batch), 9))
            for part in parts:
                a, b = part.span
                forces[:, batch.starts[a] : batch.starts[b]] += part.forces
                virial[:, a:b] += part.virial
        return BatchValues(output, forces, virial.reshape(members, len(batch), 3, 3))


def _distinct(keys: Sequence[Hashable], n_structures: int) -> Sequence[Hashable]:
    """Return the keys; two structures of one name would share a neighbour list."""
    if len(keys) != n_structures or len(set(keys)) != n_structures:
        raise PotentialError(
            f"{len(set(keys))} different names for {n_structures} structures",
            field="keys",
            value=list(keys),
            remedy="Name every structure of the list once, or leave keys out",
        )
    return keys


@dataclass
class _Share:
    """What one thread finds: forces and virials over the structures of `span`."""

    span: tuple[int, int]
    closest: np.ndarray
    forces: np.ndarray
    virial: np.ndarray

    @classmethod
    def of(cls, batch: Batch, begin: int, end: int, members: int) -> _Share:
        """Make room for the structures that atoms `begin` to `end` belong to."""
        a, b = int(batch.structure[begin]), int(batch.structure[end - 1]) + 1
        return cls(
            (a, b),
            np.full(len(batch), np.inf),
            np.zeros((members, batch.starts[b] - batch.starts[a], 3)),
            np.zeros((members, b - a, 9)),
        )


def _evaluate_range(
    potential: Committee,
    packed: tuple[Any, ...],
    batch: Batch,
    pairs: NeighbourPairs,
    *,
    atoms: tuple[int, int],
    output: np.ndarray,
    share: _Share,
) -> None:
    """Evaluate a range of atoms: their `output`, and what they add to the `share`."""
    begin, end = atoms
    descriptor, dtype = potential.descriptor, potential.dtype
    members, width = len(share.forces), descriptor.n_features
    # float32 vectors make the whole chain float32
    vectors = pairs.vectors.astype(dtype, copy=False)
    values = np.empty((end - begin, width), dtype)
    shape = (descriptor.radial, descriptor.angular)
    common = (pairs.first, pairs.neighbour, vectors, batch.element, descriptor.spins)
    kernels.features(*common, *shape, values)
    np.minimum(share.closest, pairs.closest, out=share.closest)
    slope = np.empty((end - begin, members, width) if members else (1, 1, 1), dtype)
    element = batch.element[begin:end]
    scaling, networks = packed
    outputs = output[:, begin:end]
    run_networks(values, element, scaling, networks, outputs, slope, members > 0)
    if members:
        local = batch.structure[begin:end] - share.span[0]
        origin = batch.starts[share.span[0]]
        sums = (share.forces, share.virial)
        pull_back(*common, *shape, slope, begin, local, origin, *sums)


def _cut(
    potential: Committee,
    batch: Batch,
    values: BatchValues,
    *,
    forces: bool,
    stress: bool,
    all_: bool,
) -> list[EvaluationResult]:
    """Scale the values and cut them into one result per structure."""
    norm = potential.normalisation
    best = potential.best if all_ else 0
    atomic = values.output / norm.energy_scale + norm.offsets[batch.element]
    totals = np.add.reduceat(atomic, batch.starts[:-1], axis=1)
    results = []
    for k, (a, b) in enumerate(
        zip(batch.starts[:-1].tolist(), batch.starts[1:].tolist(), strict=True)
    ):
        out: dict[str, Any] = {}
        if forces and values.forces is not None:
            f = values.forces[:, a:b] / norm.energy_scale
            out["forces"] = f[best]
            if all_:
                out["forces_std"] = f.std(axis=0)
        if stress and values.virial is not None and np.isfinite(batch.volumes[k]):
            w = values.virial[best, k] / (norm.energy_scale * batch.volumes[k])
            out["stress"] = 0.5 * (w + w.T)
        if all_:
            out["energy_std"] = float(totals[:, k].std() / (b - a))
        results.append(
            EvaluationResult(float(totals[best, k]), atomic[best, a:b], **out)
        )
    return results
