"""Formation energies, and what a hull is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field
from pymatgen.core import Composition

from lps_flows.chemistry import (
    CompositionLine,
    composition_of,
    full_formula,
    reduced_formula,
)
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.schemas.built import StructureHead

if TYPE_CHECKING:
    from pymatgen.entries.computed_entries import ComputedEntry


class HullError(LpsFlowsError):
    """A hull that cannot be built: end members missing, methods mixed, duplicates."""


class HullSettings(FrozenSettings):
    """What the phase diagram is made of.

    Examples
    --------
    >>> HullSettings(gap_tolerance=3).require_converged
    False
    """

    glass_sources: tuple[str, ...] = Field(
        ("ga", "melt-quench"),
        description="Sources that count as glass-ceramic structures.",
    )
    require_converged: bool = Field(
        False,
        description="Leave out relaxations that stopped before they converged; their "
        "energies are upper bounds.",
    )
    gap_tolerance: float = Field(
        5.0,
        ge=0,
        description="Distance above the tie line beyond which a composition counts as "
        "inside a miscibility gap (meV/atom).",
    )
    gap_compositions: int = Field(
        2,
        ge=1,
        description="Compositions that must have been sampled inside a stretch before "
        "it is called a gap; with fewer it is undecided.",
    )
    reference_error: float | None = Field(
        None,
        gt=0,
        description="Error of the reference engine against DFT (meV/atom), where it "
        "is known: the probabilities rest on it, too.",
    )
    resamples: int = Field(
        400,
        ge=1,
        description="Times the energies are drawn anew within their errors, for the "
        "probabilities of gaps and candidates.",
    )
    seed: int = Field(0, ge=0, description="Seed of these draws.")


@dataclass(frozen=True)
class HullEntry:
    """One structure's energy, as the hull needs it.

    Examples
    --------
    >>> HullEntry("gamma", Composition("Li12P4S16"), -140.0, "PBE").formula
    'Li3PS4'
    """

    entry_id: str
    """Id of the structure document; unique."""
    composition: Composition
    """Composition of the cell; oxidation states and spins are left out."""
    energy: float
    """Total energy of the cell (eV)."""
    method: str
    """Reference method of the energy."""

    def __post_init__(self) -> None:
        """Make Li+ and Li one element: phases are compared by their elements."""
        elements = Composition(self.composition).element_composition
        object.__setattr__(self, "composition", elements)

    @classmethod
    def of(cls, structure: StructureHead | ComputedEntry | HullEntry) -> HullEntry:
        """Return the entry of a structure of a campaign, or of pymatgen's entry.

        The energy of the latter is the corrected one, its method the ``run_type``.
        """
        if isinstance(structure, HullEntry):
            return structure
        structure = StructureHead.of_entry(structure)
        return cls(
            structure.structure_id,
            composition_of(structure.formula),
            structure.energy,
            structure.method,
        )

    @property
    def energy_per_atom(self) -> float:
        """Energy per atom (eV)."""
        return self.energy / self.composition.num_atoms

    @cached_property
    def formula(self) -> str:
        """Reduced formula."""
        return reduced_formula(full_formula(self.composition))


def formation_energy_per_atom(
    energy: float,
    composition: Composition | str,
    end_member_energies: Mapping[str, float] | Mapping[Composition, float],
) -> float:
    """Return the formation energy from the two end members (the paper's Eq. 1).

    E_f = [E - x E(Li2S) - (1 - x) E(P2S5)] / (7 - 4x) per formula unit
    (Li2S)x(P2S5)1-x, written for any cell: the energies of n0 units of the first and
    n1 units of the second end member are taken off, and the rest is divided by the
    number of atoms.

    Parameters
    ----------
    energy
        Total energy of `composition` as written (eV).
    composition
        Composition of the cell, or one formula unit.
    end_member_energies
        Energy by formula of the two end members, each of the formula as written
        (eV), for example ``{"Li2S": -12.1, "P2S5": -31.2}``.

    Returns
    -------
    float
        Formation energy (eV/atom).

    Raises
    ------
    HullError
        When there are not two different end members, or an energy is not finite.
    OffLineError
        When the composition is empty, unreadable or not on their line.

    Examples
    --------
    >>> round(formation_energy_per_atom(-30.8, "Li3PS4", {"Li2S": -10, "P2S5": -30}), 3)
    -0.1
    """
    energies = {_text(key): float(e) for key, e in end_member_energies.items()}
    line = _line(energies)
    if not np.isfinite([energy, *energies.values()]).all():
        raise HullError(
            "the energies must be finite",
            field="energy, end_member_energies",
            value=(energy, energies),
            remedy="recompute the one that is not",
        )
    n_first, n_second = line.amounts(composition)
    first, second = energies
    cell = Composition(composition)
    ends = n_first * energies[first] + n_second * energies[second]
    return float((energy - ends) / cell.num_atoms)


def _line(energies: Mapping[str, float]) -> CompositionLine:
    try:
        first, second = energies
        return CompositionLine(end_members=(first, second))
    except ValueError as error:  # pydantic's is one, too
        raise HullError(
            "a line has two different end members",
            field="end_member_energies",
            value=dict(energies),
            remedy="give the energy of both, by formula: {'Li2S': -12.1, ...}",
        ) from error


def _text(formula: str | Composition) -> str:
    if isinstance(formula, Composition):
        return full_formula(formula)
    return formula


def check_entries(entries: Sequence[HullEntry]) -> None:
    """Raise unless all entries have one method, unique ids and finite energies.

    Raises
    ------
    HullError
        Naming the documents.
    """
    if not entries:
        raise HullError("there is no structure", field="entries", value=[])
    methods: dict[str, list[str]] = {}
    ids: set[str] = set()
    for entry in entries:
        methods.setdefault(entry.method, []).append(entry.entry_id)
        if entry.entry_id in ids:
            raise HullError(
                "two entries carry this id",
                field="entry_id",
                value=entry.entry_id,
                remedy="remove one of the duplicated documents",
            )
        if not np.isfinite(entry.energy):
            raise HullError(
                f"document {entry.entry_id} has no finite energy",
                field="energy",
                value=entry.energy,
                remedy="recompute or remove it",
            )
        ids.add(entry.entry_id)
    if len(methods) > 1:
        few = {method: some[:5] for method, some in methods.items()}
        raise HullError(
            "energies of different methods cannot share a hull",
            field="method",
            value=few,
            remedy="build one diagram per method",
        )


def end_member_entries(
    entries: Sequence[HullEntry], line: CompositionLine
) -> dict[str, HullEntry]:
    """Return the lowest entry of each end member, by its formula.

    Raises
    ------
    HullError
        When an end member has no entry.
    """
    lowest = lowest_by_composition(entries)
    ends = {}
    for formula in line.end_members:
        entry = lowest.get(Composition(formula).reduced_formula)
        if entry is None:
            raise HullError(
                f"no entry of the end member {formula} by the method "
                f"{entries[0].method if entries else '(none)'}",
                field="end_members",
                value=formula,
                remedy=f"relax a crystal of {formula} with this method, or put its "
                "document back",
            )
        ends[formula] = entry
    return ends


def lowest_by_composition(entries: Sequence[HullEntry]) -> dict[str, HullEntry]:
    """Return the lowest entry per atom of every reduced formula."""
    lowest: dict[str, HullEntry] = {}
    for entry in entries:
        key = entry.formula
        if key not in lowest or entry.energy_per_atom < lowest[key].energy_per_atom:
            lowest[key] = entry
    return lowest
