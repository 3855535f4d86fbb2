"""Which anions the network former builds: PS4, P2S7, P2S6, chains.

A P and an S are bonded when they are closer than a cutoff, two P when they are closer
than theirs and share no S: the P of two tetrahedra with a common edge come close
without a bond. The bonds define the anions: P atoms that share an S or are bonded to
each other belong to one anion. The periodic images
are kept apart (an edge of the network carries its lattice translation), so that a
chain through a small cell is seen as a chain and not as a pair.

Definitions (P stands for the network former, S for its ligand)
---------------------------------------------------------------
A P is *tetrahedral* when it has exactly four S and is bonded to no P.

``PS4``
    Tetrahedral P that shares none of its S: the isolated tetrahedron PS4(3-).
``P2S7``
    Two tetrahedral P that share one S and nothing else: P2S7(4-).
``P2S6_edge``
    Two tetrahedral P that share two S and nothing else: P2S6(2-).
``P2S6_PP``
    Two P bonded to each other, each with three S that no other P shares: P2S6(4-).
``chain``
    Tetrahedral P of a larger anion that is linked to its one or two P neighbours by
    single shared S only: chains longer than two, finite, closed to rings or infinite
    (meta-thiophosphate, PS3(-)). The count is per P atom: an end or a link of a chain
    stays a chain link when the same anion branches or is defective elsewhere.
``PS3``
    P with three S that no other P shares and bonded to no P: the monomer that the
    removal of an S leaves behind.
``other``
    Everything else: too few or too many S, three or four bridging S (branching, the
    P4S10 cage of P2S5), edge pairs linked further, P-P bonds with other ligands.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from lps_flows.analysis.bond_network import BondNetwork, Image
from lps_flows.analysis.neighbours import Pairs, neighbour_pairs, periodic_structure
from lps_flows.chemistry import AnyStructure, CompositionLine, element_symbols
from lps_flows.foundation import FrozenSettings

_DOUBT = 0.1
"""Distance from a cutoff at which a bond is doubtful (Å)."""

MOTIFS = ("PS4", "P2S7", "P2S6_edge", "P2S6_PP", "chain", "PS3", "other")


class MotifSettings(FrozenSettings):
    """How bonds are told from contacts.

    Examples
    --------
    >>> MotifSettings(ligand_cutoff=2.6).former_cutoff
    2.55
    """

    ligand_cutoff: float = Field(
        2.55, gt=0, description="Longest former-ligand bond, P-S (Å)."
    )
    former_cutoff: float = Field(
        2.55, gt=0, description="Longest former-former bond, P-P (Å)."
    )


_DEFAULTS = MotifSettings()
_LI_P_S = CompositionLine()


@dataclass(frozen=True)
class MotifAnalysis:
    """Everything the bond network of one structure says.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> analysis = analyse_motifs(crystal("Li7P3S11"))
    >>> analysis.n_formers, analysis.anion_sizes
    (6, (2, 2, 1, 1))
    """

    motif_of_former: dict[int, str]
    """Motif by site index of the former."""
    n_ligands: int
    """Number of S atoms in the cell."""
    bridging: int
    """S bonded to two or more P."""
    terminal: int
    """S bonded to exactly one P."""
    free: int
    """S bonded to no P."""
    coordination: dict[int, int]
    """Number of S bonded to each P, by site index."""
    contacts: dict[int, int]
    """Number of P bonded to each P by a P-P bond, by site index."""
    bridges: dict[int, int]
    """Number of bridging S of each P, by site index."""
    anion_sizes: tuple[int, ...]
    """Number of P of each anion per cell, descending."""
    chain_lengths: tuple[int, ...]
    """Number of linked chain P of each chain longer than two, descending."""
    infinite_chain: int
    """Chain P that belong to chains without end in the periodic crystal."""

    near_cutoff: int
    """Pairs closer than 0.1 Å to their cutoff: another cutoff would change them."""

    @property
    def n_formers(self) -> int:
        """Number of P atoms in the cell."""
        return len(self.motif_of_former)

    @property
    def undercoordinated(self) -> int:
        """P with fewer than four neighbours, S and P counted together."""
        return sum(n + self.contacts[p] < 4 for p, n in self.coordination.items())

    def fractions(self) -> dict[str, float]:
        """Return the fraction of P per motif; all zero when there is no P."""
        counts = Counter(self.motif_of_former.values())
        total = max(self.n_formers, 1)
        return {motif: counts[motif] / total for motif in MOTIFS}

    def free_fraction(self) -> float:
        """Return the fraction of S bonded to no P, zero when there is no S."""
        return self.free / self.n_ligands if self.n_ligands else 0.0

    def bridge_distribution(self) -> dict[int, float]:
        """Return the fraction of P by its number of bridging S (Q0, Q1, Q2, ...)."""
        counts = Counter(self.bridges.values())
        return {n: counts[n] / self.n_formers for n in sorted(counts)}


def classify_motifs(
    structure: AnyStructure,
    settings: MotifSettings = _DEFAULTS,
    line: CompositionLine = _LI_P_S,
) -> dict[str, float]:
    """Return the fraction of P atoms per motif and the fraction of free S.

    Returns
    -------
    dict
        ``PS4``, ``P2S7``, ``P2S6_edge``, ``P2S6_PP``, ``chain``, ``PS3``, ``other``:
        fractions of the P atoms, which add to 1 (all zero in a structure without P);
        ``free_S``: fraction of the S atoms that are bonded to no P.

    Raises
    ------
    StructureError
        When the structure is disordered or empty.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> fractions = classify_motifs(crystal("Li7P3S11"))
    >>> round(fractions["PS4"], 2), round(fractions["P2S7"], 2)
    (0.33, 0.67)
    """
    analysis = analyse_motifs(structure, settings, line)
    return {**analysis.fractions(), "free_S": analysis.free_fraction()}


def analyse_motifs(
    structure: AnyStructure,
    settings: MotifSettings = _DEFAULTS,
    line: CompositionLine = _LI_P_S,
) -> MotifAnalysis:
    """Return the full analysis of the bond network of a structure.

    Parameters
    ----------
    structure
        Ordered structure, crystal or glass in a cell of any size, or a molecule: of
        pymatgen or ASE.
    settings
        Bond cutoffs.
    line
        Which elements form the network, and which they bind.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> analyse_motifs(crystal("beta-Li3PS4")).undercoordinated
    0
    """
    structure = periodic_structure(structure)
    symbols = element_symbols(structure)
    is_former = np.isin(symbols, line.formers)
    is_ligand = np.isin(symbols, line.anions)
    formers, ligands = np.flatnonzero(is_former), np.flatnonzero(is_ligand)
    pairs = neighbour_pairs(
        structure, max(settings.ligand_cutoff, settings.former_cutoff) + _DOUBT
    )

    hosts: dict[int, list[Image]] = defaultdict(list)
    bond = (
        is_ligand[pairs.first]
        & is_former[pairs.second]
        & (pairs.distances <= settings.ligand_cutoff)
    )
    for s, p, shift in zip(
        pairs.first[bond], pairs.second[bond], pairs.shifts[bond], strict=True
    ):
        hosts[int(s)].append((int(p), tuple(int(n) for n in shift)))

    near = (
        is_former[pairs.first]
        & is_former[pairs.second]
        & (pairs.distances <= settings.former_cutoff)
    )
    close: dict[int, set[Image]] = defaultdict(set)
    for p, q, shift in zip(
        pairs.first[near], pairs.second[near], pairs.shifts[near], strict=True
    ):
        close[int(p)].add((int(q), tuple(int(n) for n in shift)))

    network = BondNetwork.build([int(p) for p in formers], hosts, close)
    motif = {p: network.motif(p) for p in network.formers}
    chains, infinite = network.chains(motif)
    return MotifAnalysis(
        motif_of_former=motif,
        n_ligands=len(ligands),
        bridging=sum(1 for s in ligands if len(hosts.get(int(s), ())) >= 2),
        terminal=sum(1 for s in ligands if len(hosts.get(int(s), ())) == 1),
        free=sum(1 for s in ligands if not hosts.get(int(s))),
        coordination=dict(network.coordination),
        contacts={p: len(network.direct.get(p, ())) for p in network.formers},
        bridges={p: network.bridges[p] for p in network.formers},
        anion_sizes=network.anion_sizes(),
        chain_lengths=chains,
        infinite_chain=infinite,
        near_cutoff=_near_cutoff(pairs, is_former, is_ligand, settings),
    )


def _near_cutoff(
    pairs: Pairs, is_former: np.ndarray, is_ligand: np.ndarray, settings: MotifSettings
) -> int:
    central = is_former[pairs.first]
    bonds = central & is_ligand[pairs.second]
    contacts = central & is_former[pairs.second]
    doubtful = (
        bonds & (np.abs(pairs.distances - settings.ligand_cutoff) < _DOUBT),
        contacts & (np.abs(pairs.distances - settings.former_cutoff) < _DOUBT),
    )
    # contacts appear from both sides
    return int(doubtful[0].sum() + doubtful[1].sum() // 2)
