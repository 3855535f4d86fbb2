"""Who descends from whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class HasParents(Protocol):
    """An individual or its document."""

    @property
    def identifier(self) -> int:
        """Unique within the run."""

    @property
    def parents(self) -> Iterable[int]:
        """Identifiers it descends from."""


def ancestry(
    individuals: Iterable[HasParents], identifier: int
) -> list[tuple[int, int]]:
    """Return the family tree of one individual.

    Parameters
    ----------
    individuals
        Everyone born in the run, or their documents.

    Returns
    -------
    list of tuple
        Edges (parent, child), children in descending order; a member of the first
        generation has none.

    Examples
    --------
    >>> from types import SimpleNamespace as Document
    >>> from lps_flows.evolution import ancestry
    >>> parents = {0: (), 1: (), 2: (0, 1), 3: (2,)}
    >>> born = [Document(identifier=i, parents=p) for i, p in parents.items()]
    >>> ancestry(born, 3)
    [(2, 3), (0, 2), (1, 2)]
    """
    parents = {i.identifier: tuple(i.parents) for i in individuals}
    edges: list[tuple[int, int]] = []
    waiting, met = [identifier], {identifier}
    while waiting:
        child = max(waiting)
        waiting.remove(child)
        for parent in parents[child]:
            edges.append((parent, child))
            if parent not in met:
                met.add(parent)
                waiting.append(parent)
    return edges
