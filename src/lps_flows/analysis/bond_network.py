"""The bond network of formers and ligands, periodic images kept apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

Image = tuple[int, tuple[int, ...]]
"""An atom by its site index and lattice translation."""

Neighbours = Callable[[int], set[Image]]
"""What an atom is linked to."""


@dataclass(frozen=True)
class BondNetwork:
    """The formers, their ligands and their links, with lattice translations."""

    formers: list[int]
    coordination: Counter[int]
    bridges: Counter[int]
    shared: dict[int, Counter[Image]]
    """For each P: its P neighbours through S, with the number of shared S."""
    direct: dict[int, set[Image]]
    """For each P: the P it is bonded to; those it shares an S with are none of them."""
    crowded: set[int]
    """P that have an S which three or more P share."""

    @classmethod
    def build(
        cls,
        formers: list[int],
        hosts: dict[int, list[Image]],
        close: dict[int, set[Image]],
    ) -> BondNetwork:
        """Link the formers through their shared ligands and their bonds.

        Parameters
        ----------
        hosts
            For each ligand: the formers it is bonded to.
        close
            For each former: the formers within bonding distance.
        """
        coordination = Counter(dict.fromkeys(formers, 0))
        bridges: Counter[int] = Counter()
        crowded: set[int] = set()
        shared: dict[int, Counter[Image]] = defaultdict(Counter)
        for images in hosts.values():
            for k, (p, shift) in enumerate(images):
                coordination[p] += 1
                bridges[p] += len(images) > 1
                if len(images) > 2:
                    crowded.add(p)
                for m, (q, other) in enumerate(images):
                    if m != k:
                        offset = tuple(b - a for a, b in zip(shift, other, strict=True))
                        shared[p][(q, offset)] += 1
        direct = {p: images - set(shared[p]) for p, images in close.items()}
        return cls(formers, coordination, bridges, shared, direct, crowded)

    def tetrahedral(self, p: int) -> bool:
        """Return True for exactly four ligands and no former beside it."""
        return self.coordination[p] == 4 and not self.direct.get(p)

    def motif(self, p: int) -> str:
        """Return the motif a former belongs to."""
        links = self.shared.get(p, Counter())
        if self.direct.get(p):
            return "P2S6_PP" if self._is_dumbbell(p) else "other"
        if self.coordination[p] == 3 and not links:
            return "PS3"
        if not self.tetrahedral(p) or p in self.crowded:
            return "other"
        if not links:
            return "PS4"
        if len(links) == 1 and self._is_closed_pair(p):
            (n_shared,) = links.values()
            return {1: "P2S7", 2: "P2S6_edge"}.get(n_shared, "other")
        linear = len(links) <= 2 and set(links.values()) == {1}
        return "chain" if linear and self._in_larger_anion(p) else "other"

    def _is_dumbbell(self, p: int) -> bool:
        partners = self.direct[p]
        if len(partners) != 1:
            return False
        ((q, _),) = partners
        return all(
            self.coordination[site] == 3
            and self.bridges[site] == 0
            and len(self.direct[site]) == 1
            for site in (p, q)
        )

    def _is_closed_pair(self, p: int) -> bool:
        ((q, _),) = self.shared[p]
        return len(self.shared[q]) == 1 and self.tetrahedral(q)

    def _in_larger_anion(self, p: int) -> bool:
        """Return True when a link leads on: three formers or more in the anion."""
        links = self.shared[p]
        return len(links) == 2 or any(
            len(self.shared[q]) + len(self.direct.get(q, ())) > 1 for q, _ in links
        )

    def neighbours(self, p: int) -> set[Image]:
        """Return the formers it shares a ligand with or touches."""
        return set(self.shared.get(p, ())) | self.direct.get(p, set())

    def anion_sizes(self) -> tuple[int, ...]:
        """Return the number of formers per anion of the cell, descending."""
        return _component_sizes(self.formers, self.neighbours)

    def chains(self, motif: dict[int, str]) -> tuple[tuple[int, ...], int]:
        """Return the lengths of the chains and the number of P in endless ones."""
        links = [p for p in self.formers if motif[p] == "chain"]

        def along(p: int) -> set[Image]:
            return {image for image in self.shared[p] if motif[image[0]] == "chain"}

        endless = sum(len(c) for c in _components(links, along) if _winds(c, along))
        return _component_sizes(links, along), endless


def _components(nodes: list[int], neighbours: Neighbours) -> list[list[int]]:
    if not nodes:
        return []
    position = {p: k for k, p in enumerate(nodes)}
    edges = [(position[p], position[q]) for p in nodes for q, _ in neighbours(p)]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    graph = scipy.sparse.coo_array(
        (np.ones(len(rows)), (rows, columns)), shape=(len(nodes), len(nodes))
    )
    n, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
    return [[p for p in nodes if label[position[p]] == k] for k in range(n)]


def _component_sizes(nodes: list[int], neighbours: Neighbours) -> tuple[int, ...]:
    return tuple(sorted(map(len, _components(nodes, neighbours)), reverse=True))


def _winds(component: list[int], neighbours: Neighbours) -> bool:
    """Return True when the links lead on to an image of the starting atom."""
    place: dict[int, tuple[int, ...]] = {component[0]: (0, 0, 0)}
    queue = [component[0]]
    while queue:
        p = queue.pop()
        for q, shift in neighbours(p):
            there = tuple(a + b for a, b in zip(place[p], shift, strict=True))
            if q not in place:
                place[q] = there
                queue.append(q)
            elif place[q] != there:
                return True
    return False
