"""The paper's numbers, to set beside ours.

Guo, Wang, Urban, Artrith, Chem. Mater. 2022: PBE energies, AIMD transport.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

END_MEMBERS = ("Li2S", "P2S5")
CITATION = "Guo, Wang, Urban, Artrith, Chem. Mater. 2022, 10.1021/acs.chemmater.2c00267"

E_ABOVE_HULL: dict[str, float] = {
    "gamma-Li3PS4": 0.0,
    "beta-Li3PS4": 3.2,
    "Li7P3S11": 17.2,
    "Li4P2S7": 23.5,
}
"""Energy above hull (meV/atom) by crystal key."""

GLASS_E_ABOVE_HULL: dict[str, float] = {"Li42P16S61": 28.0, "Li38P24S79": 70.5}
"""Energy above hull (meV/atom) of glass-ceramic structures, by cell formula."""

CANDIDATE = "gc-Li42P16S61"
"""What the paper proposes."""

GAPS: tuple[tuple[float, float], ...] = ((0.5, 2 / 3), (0.75, 0.875))
"""Miscibility gaps on the line, read off Fig. 5 (x)."""


@dataclass(frozen=True)
class PaperTransport:
    """One line of the paper's Table 1."""

    activation_energy: float
    """Activation energy (eV)."""
    conductivity: float
    """Conductivity at 300 K (mS/cm)."""


TABLE_1: dict[str, PaperTransport] = {
    "gc-Li38P24S79": PaperTransport(0.282, 3.45),
    "Li7P3S11": PaperTransport(0.189, 46.9),
    "gc-Li42P16S61": PaperTransport(0.208, 33.1),
    "beta-Li3PS4": PaperTransport(0.236, 14.3),
}
"""Transport from AIMD, by label."""


def is_papers_line(end_members: Sequence[str]) -> bool:
    """Whether a composition line is the paper's, so that its numbers mean anything."""
    return tuple(end_members) == END_MEMBERS
