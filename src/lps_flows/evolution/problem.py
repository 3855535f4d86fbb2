"""The search space: which units are removed from which sites of a parent."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy
from pymatgen.core import Composition, Structure

from lps_flows.chemistry import (
    CompositionLine,
    RemovalError,
    atoms_removed,
    element_symbols,
    left_over,
    removal_sites,
)
from lps_flows.evolution.errors import ParentError

Removed = tuple[int, ...]
"""A genome: sorted indices of the parent's sites that are removed."""


@dataclass(frozen=True)
class RemovalProblem:
    """Removal of k units from a parent supercell.

    The parent is an ordered supercell; the unit is an end member of the line that it
    lies on, or a combination that may leave the line (`left_over`).

    Raises
    ------
    OffLineError, RemovalError
        When the removal is impossible.
    ParentError
        When the parent is disordered, or too small to leave a choice.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal, supercell_near
    >>> from lps_flows.evolution import RemovalProblem
    >>> parent = supercell_near(crystal("beta-Li3PS4"), 128)
    >>> problem = RemovalProblem(parent, "Li2S", 3)
    >>> problem.formula, problem.counts
    ('Li42P16S61', {'Li': 6, 'S': 3})
    """

    parent: Structure
    end_member: str = "Li2S"
    n_units: int = 1
    line: CompositionLine = field(default_factory=CompositionLine)

    def __post_init__(self) -> None:
        if not self.parent.is_ordered:
            raise ParentError(
                "the parent is disordered",
                field="parent",
                value=self.parent.formula,
                remedy="Use an ordered model of the crystal",
            )
        sites = self.sites
        if all(len(sites[e]) == n for e, n in self.counts.items()):
            raise ParentError(
                "every site of the removed elements would go, leaving no choice",
                field="parent",
                value=self.parent.formula,
                remedy="Use a larger supercell or remove fewer units",
            )
        if any(len(sites[e]) < n for e, n in self.counts.items()):
            raise RemovalError(
                "the parent holds fewer sites than are to be removed",
                field="n_units",
                value=self.n_units,
                remedy="Use a larger supercell or remove fewer units",
            )

    @cached_property
    def formula(self) -> str:
        """Full formula of what is left."""
        parent, line = self.parent.composition, self.line
        return left_over(parent, self.end_member, self.n_units, line)

    @cached_property
    def leaves_line(self) -> bool:
        """Whether what is left lies off the composition line."""
        return not self.line.contains(self.formula)

    @cached_property
    def counts(self) -> dict[str, int]:
        """Atoms to remove, by element."""
        return atoms_removed(self.end_member, self.n_units)

    @cached_property
    def sites(self) -> dict[str, np.ndarray]:
        """Indices of the sites an element can be removed from, by element."""
        sites = removal_sites(self.parent, self.end_member, self.n_units, self.line)
        return {element: np.array(indices) for element, indices in sites.items()}

    @cached_property
    def symbols(self) -> np.ndarray:
        """Element of every parent site."""
        return element_symbols(self.parent)

    @cached_property
    def species(self) -> list[Composition]:
        """What occupies every parent site; building structures of it is quick."""
        known = {symbol: Composition(symbol) for symbol in set(self.symbols.tolist())}
        return [known[symbol] for symbol in self.symbols.tolist()]

    @cached_property
    def distances(self) -> np.ndarray:
        """Shortest distance between every two parent sites (Å)."""
        return np.asarray(self.parent.distance_matrix)

    @cached_property
    def operations(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Symmetry of the parent, lattice translations inside the cell included.

        Returns
        -------
        tuple of ndarray
            Permutations of sites (n_operations, n_sites), rotations
            (n_operations, 3, 3) and translations (n_operations, 3), fractional.
        """
        from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

        analyzer = SpacegroupAnalyzer(self.parent, symprec=0.01)
        coordinates = self.parent.frac_coords
        kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for operation in analyzer.get_symmetry_operations():
            rotation = operation.rotation_matrix
            shift = operation.translation_vector
            moved = coordinates @ rotation.T + shift
            permutation = self._match(moved)
            if permutation is not None:
                kept.append((permutation, rotation, shift))
        permutations, rotations, translations = zip(*kept, strict=True)
        return np.array(permutations), np.array(rotations), np.array(translations)

    def _match(self, moved: np.ndarray) -> np.ndarray | None:
        difference = moved[:, None, :] - self.parent.frac_coords[None, :, :]
        difference -= np.round(difference)
        distance = np.linalg.norm(difference @ self.parent.lattice.matrix, axis=2)
        nearest = distance.argmin(axis=1)
        close = distance[np.arange(len(nearest)), nearest] < 0.1
        if not close.all() or len(set(nearest.tolist())) != len(nearest):
            return None
        return nearest if (self.symbols[nearest] == self.symbols).all() else None

    def canonical(self, removed: Removed) -> Removed:
        """Return the representative of all removals equal to this one by symmetry."""
        images = np.sort(self.operations[0][:, list(removed)], axis=1)
        first = np.lexsort(images.T[::-1])[0]
        return tuple(int(i) for i in images[first])

    def kept(self, removed: Removed) -> np.ndarray:
        """Return the sites that stay, ascending: the order of a child's atoms."""
        mask = np.ones(len(self.symbols), dtype=bool)
        mask[list(removed)] = False
        return np.flatnonzero(mask)

    def build(self, removed: Removed) -> Structure:
        """Return the parent without these sites, unrelaxed."""
        kept = self.kept(removed)
        return Structure(
            self.parent.lattice,
            [self.species[i] for i in kept],
            self.parent.frac_coords[kept],
        )

    def is_valid(self, removed: Removed) -> bool:
        """Whether a removal has the right stoichiometry."""
        symbols = self.symbols[list(removed)].tolist()
        return len(set(removed)) == len(removed) and all(
            symbols.count(element) == n for element, n in self.counts.items()
        )

    def assign(self, structure: Structure) -> tuple[Structure, Removed]:
        """Find the sites of a structure that has moved away from the parent's.

        Each element's atoms are assigned to the parent's sites by the smallest sum
        of squared distances; the sites left over are the removed ones. The structure
        has the right composition and a cell like the parent's; returned with its atoms
        in the order of their sites, and with the genome.
        """
        symbols = element_symbols(structure)
        coordinates = structure.frac_coords
        order = np.full(len(self.symbols), -1)
        for element in sorted(set(self.symbols.tolist())):
            atoms = np.flatnonzero(symbols == element)
            sites = np.flatnonzero(self.symbols == element)
            difference = (
                coordinates[atoms, None, :] - self.parent.frac_coords[None, sites, :]
            )
            difference -= np.round(difference)
            square = ((difference @ self.parent.lattice.matrix) ** 2).sum(axis=2)
            rows, columns = scipy.optimize.linear_sum_assignment(square)
            order[sites[columns]] = atoms[rows]
        kept = np.flatnonzero(order >= 0)
        removed = tuple(int(i) for i in np.flatnonzero(order < 0))
        ordered = Structure(
            structure.lattice, [self.species[i] for i in kept], coordinates[order[kept]]
        )
        return ordered, removed
