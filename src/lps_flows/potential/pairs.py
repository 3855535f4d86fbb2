"""Lists of neighbours, fresh or kept with a skin while atoms move."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from lps_flows.potential.geometry import Batch
from lps_flows.potential.threads import run_all, split_range

_ATOMS_OF_ONE_THREAD = 1000
"""Up to so many atoms one thread searches a structure as fast as several."""


@dataclass(frozen=True)
class NeighbourPairs:
    """Neighbours of a range of atoms, those of each starting at `first` (n + 1).

    `neighbour` (n_pairs) are indices in the batch, `vectors` (n_pairs, 3) lead from the
    atom to the neighbour (Å); `closest` (n_structures) is the smallest distance in each
    structure (Å), inf without a pair.
    """

    first: np.ndarray
    neighbour: np.ndarray
    vectors: np.ndarray
    closest: np.ndarray


def _with_vectors(
    batch: Batch,
    first: np.ndarray,
    neighbour: np.ndarray,
    shift: np.ndarray,
    begin: int,
) -> NeighbourPairs:
    from lps_flows.potential.pair_vectors import displacements

    vectors = np.empty((len(neighbour), 3))
    closest = displacements(
        batch.positions,
        batch.cells,
        batch.starts,
        first,
        neighbour,
        shift,
        begin,
        vectors,
    )
    return NeighbourPairs(first, neighbour, vectors, np.sqrt(closest))


def find_pairs(batch: Batch, cutoff: float) -> NeighbourPairs:
    """Find the neighbours within `cutoff` (Å) of all atoms of a batch."""
    lists = SkinPairs(cutoff, 0.0)
    lists.update(batch, range(len(batch)))
    return lists.pairs(batch, 0, len(batch.positions))


@dataclass
class _Entry:
    """One structure's list and the geometry it was made for."""

    element: np.ndarray
    positions: np.ndarray
    cell: np.ndarray
    pbc: np.ndarray
    first: np.ndarray
    neighbour: np.ndarray
    shift: np.ndarray

    @classmethod
    def search(
        cls,
        element: np.ndarray,
        positions: np.ndarray,
        cell: np.ndarray,
        pbc: np.ndarray,
        *,
        reach: float,
        threads: int,
    ) -> _Entry:
        """List both directions of every pair within `reach` (Å)."""
        from vesin import NeighborList

        # The cell is complete also where it is not periodic, so it is never singular.
        finder = NeighborList(
            cutoff=reach,
            full_list=True,
            sorted=True,
            n_threads=threads if len(positions) > _ATOMS_OF_ONE_THREAD else 1,
        )
        points, box = _in_one_box(positions, cell, pbc, reach)
        i, j, shift = finder.compute(
            points=points, box=box, periodic=pbc, quantities="ijS"
        )
        first = np.zeros(len(positions) + 1, np.int64)
        np.cumsum(np.bincount(i, minlength=len(positions)), out=first[1:])
        return cls(
            element,
            positions.copy(),
            cell,
            pbc,
            first,
            j.astype(np.int32),
            shift.astype(np.int32),
        )


def _in_one_box(
    positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit atoms and box together along directions that are not periodic.

    Those vectors of the cell are unit vectors normal to the others. The search goes
    through every box between cell and atom, so the box grows until it holds all atoms,
    and gaps wider than `reach`, across which nobody has a neighbour, close to that.
    """
    if pbc.all() or not pbc.any():
        return positions, cell
    points, box = positions.copy(), cell.copy()
    for k in np.flatnonzero(~pbc):
        along = positions @ cell[k]
        order = np.argsort(along)
        gaps = np.minimum(np.diff(along[order]), 1.01 * reach)
        place = np.empty_like(along)
        place[order] = np.concatenate([[0.0], np.cumsum(gaps)])
        points += (place - along)[:, None] * cell[k]
        box[k] *= place.max() + reach
    return points, box


@dataclass(frozen=True)
class PairList:
    """The lists of a batch of structures as one: who is whose neighbour, not where.

    The neighbours of an atom start at `first` (n + 1) in `neighbour` (n_pairs), indices
    in the batch, and `shift` (n_pairs, 3), the periodic image in cell vectors.
    """

    first: np.ndarray
    neighbour: np.ndarray
    shift: np.ndarray


class SkinPairs:
    """Neighbour lists that outlive small moves of atoms and cell.

    A list made with cutoff + skin stays complete while
    (cutoff + 2 m) / s <= cutoff + skin, where m is the largest move of an atom beyond
    the cell's own deformation and s the smallest stretch of that deformation. Until
    then results equal those of a fresh list.

    Parameters
    ----------
    cutoff
        Radial cutoff (Å).
    skin
        Extra thickness (Å).
    """

    def __init__(self, cutoff: float, skin: float) -> None:
        self.cutoff, self.skin = cutoff, skin
        self.n_searches = 0
        self._kept: dict[Hashable, _Entry] = {}
        self._joined: tuple[tuple[int, ...], PairList] | None = None

    def update(self, batch: Batch, keys: Sequence[Hashable], threads: int = 1) -> None:
        """Bring the lists of all structures up to date; `keys` name them."""
        stale = [k for k in range(len(batch)) if not self._still_good(batch, k, keys)]
        reach = self.cutoff + self.skin
        # structures share the threads, and a few large ones what is left of them
        own = max(1, threads // max(1, len(stale)))

        def work(begin: int, end: int) -> None:
            for k in stale[begin:end]:
                self._kept[keys[k]] = _Entry.search(
                    *self._geometry(batch, k), reach=reach, threads=own
                )

        run_all(work, split_range(len(stale), threads, len(stale) or 1), threads)
        self.n_searches += len(stale)
        entries = [self._kept[key] for key in keys]
        identity = tuple(id(entry) for entry in entries)
        if stale or self._joined is None or self._joined[0] != identity:
            self._joined = identity, _join(entries, batch.starts)

    def _geometry(
        self, batch: Batch, k: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        atoms = slice(batch.starts[k], batch.starts[k + 1])
        return (
            batch.element[atoms],
            batch.positions[atoms],
            batch.cells[k],
            batch.pbc[k],
        )

    def _still_good(self, batch: Batch, k: int, keys: Sequence[Hashable]) -> bool:
        entry = self._kept.get(keys[k])
        if entry is None:
            return False
        element, positions, cell, pbc = self._geometry(batch, k)
        if not (
            np.array_equal(entry.element, element) and np.array_equal(entry.pbc, pbc)
        ):
            return False
        stretch, carried = 1.0, entry.positions
        if not np.array_equal(entry.cell, cell):
            deformation = np.linalg.solve(entry.cell, cell)
            stretch = float(np.linalg.svd(deformation, compute_uv=False)[-1])
            carried = entry.positions @ deformation
        move = positions - carried
        longest = float(np.sqrt(np.einsum("ij,ij->i", move, move).max()))
        reach = self.cutoff + self.skin
        return stretch > 0 and (self.cutoff + 2 * longest) / stretch <= reach

    @property
    def joined(self) -> PairList:
        """The lists of the last `update`; the same object while none has changed."""
        if self._joined is None:
            raise RuntimeError("update() comes first")
        return self._joined[1]

    def pairs(self, batch: Batch, begin: int, end: int) -> NeighbourPairs:
        """Return the neighbours of the atoms `begin` to `end` after an `update`."""
        lists = self.joined
        a, b = lists.first[begin], lists.first[end]
        first = lists.first[begin : end + 1] - a
        return _with_vectors(
            batch, first, lists.neighbour[a:b], lists.shift[a:b], begin
        )


def _join(entries: Sequence[_Entry], starts: np.ndarray) -> PairList:
    """Concatenate the lists of structures, counting atoms over the batch."""
    if len(entries) == 1:
        return PairList(entries[0].first, entries[0].neighbour, entries[0].shift)
    counts = np.concatenate([np.diff(e.first) for e in entries])
    first = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=first[1:])
    neighbour = np.concatenate(
        [e.neighbour + np.int32(a) for e, a in zip(entries, starts[:-1], strict=True)]
    )
    return PairList(first, neighbour, np.concatenate([e.shift for e in entries]))
