"""One document per structure: the currency between jobs and builders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.schemas.base import CalculationDocument, Document, Part, StoredStructure
from lps_flows.schemas.composition import CompositionFacts

if TYPE_CHECKING:
    from pymatgen.entries.computed_entries import ComputedStructureEntry

Source = Literal[
    "crystal", "strained", "rattled", "squeezed", "md", "ga", "melt-quench", "user"
]


class Provenance(Part):
    """Where a structure comes from, known before anything is computed."""

    source: Source = Field(description="How the structure was made.")
    parent: str | None = Field(None, description="Key of the crystal it descends from.")
    removed: str | None = Field(
        None, description="Formula of the end member whose units were removed."
    )
    n_removed: int | None = Field(None, description="Number of units removed.")
    group: str | None = Field(
        None,
        description="Structures of one trajectory or family share a group, so that "
        "training and validation sets never split it.",
    )
    details: dict[str, Any] = Field(
        default_factory=dict,
        description="Free facts of the step: strain, temperature, time, lineage.",
    )


class StructureFacts(CompositionFacts):
    """What is said of a structure with an energy, but for the atoms themselves."""

    method: str = Field(description="Reference method that gave the energy.")
    provenance: Provenance = Field(description="Where the structure comes from.")
    formula: str = Field(description="Full formula of the cell, e.g. 'Li42P16S61'.")
    x: float | None = Field(
        None, description="Position on the composition line, none when off the line."
    )
    nsites: int = Field(description="Number of atoms in the cell.")
    energy: float = Field(
        allow_inf_nan=False, description="Total energy of the cell (eV)."
    )
    energy_per_atom: float = Field(
        allow_inf_nan=False, description="Energy per atom (eV)."
    )
    relaxed: bool = Field(
        description="True when positions (and cell) were relaxed by `method`."
    )
    converged: bool = Field(description="True when the calculation converged.")


class StructureDocument(CalculationDocument, StructureFacts):
    """A structure with its energy by one method.

    Every job that computes energies returns this (one structure) or a
    `StructureSet` (many); `StructureBuilder` collects both into the ``structures``
    collection, which all further builders read.
    """

    structure: StoredStructure = Field(description="Atoms and cell (Å).")
    energy_std: float | None = Field(
        None, description="Committee standard deviation of the energy (eV/atom)."
    )
    forces: list[list[float]] | None = Field(
        None, description="Forces, shape (n_atoms, 3) (eV/Å)."
    )
    stress: list[list[float]] | None = Field(
        None, description="Stress, shape (3, 3), positive under tension (eV/Å^3)."
    )
    energy_change: float | None = Field(
        None,
        description="Change of the energy in the last step of the relaxation "
        "(eV/atom); none where no relaxation kept its steps.",
    )
    remarks: list[str] = Field(
        default_factory=list, description="What a reader must know about the energy."
    )
    n_evaluations: int | None = Field(
        None,
        description="Evaluations of energy and forces by `method` that it took; none "
        "in documents of before.",
    )
    left_basin: bool | None = Field(
        None,
        description="True when a relaxation changed its anions; none where nobody "
        "looked.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.structure.is_ordered:
            raise ValueError("structure: a site is occupied in part")
        shapes = {"forces": (len(self.structure), 3), "stress": (3, 3)}
        for name, shape in shapes.items():
            values = getattr(self, name)
            if values is None:
                continue
            if np.shape(values) != shape or not np.isfinite(values).all():
                raise ValueError(f"{name}: not finite, or not of shape {shape}")
        return self

    @classmethod
    def of(
        cls,
        structure: Structure,
        energy: float,
        provenance: Provenance,
        *,
        method: str,
        device: str | None = None,
        line: CompositionLine,
        relaxed: bool,
        converged: bool = True,
        energy_std: float | None = None,
        forces: list[list[float]] | None = None,
        stress: list[list[float]] | None = None,
        energy_change: float | None = None,
        remarks: Sequence[str] = (),
        n_evaluations: int | None = None,
        left_basin: bool | None = None,
    ) -> StructureDocument:
        """Return the document of a structure that has an energy.

        Parameters
        ----------
        structure
            Atoms and cell (Å).
        energy
            Total energy of the cell (eV).
        device
            Device that computed it, where the method knows several.
        line
            Composition line; x is None for a composition off it.
        relaxed
            True when the method relaxed the structure.
        converged
            True when the calculation converged.
        energy_std, forces, stress, energy_change
            Where they are known (eV/atom, eV/Å, eV/Å^3, eV/atom).
        n_evaluations, left_basin
            What it took, and whether a relaxation changed the anions.
        """
        composition = structure.composition
        return cls(
            method=method,
            device=device,
            provenance=provenance,
            structure=structure,
            formula=full_formula(composition),
            x=line.position(composition),
            nsites=len(structure),
            energy=energy,
            energy_per_atom=energy / len(structure),
            relaxed=relaxed,
            converged=converged,
            energy_std=energy_std,
            forces=forces,
            stress=stress,
            energy_change=energy_change,
            remarks=list(remarks),
            n_evaluations=n_evaluations,
            left_basin=left_basin,
        )

    def computed_entry(self) -> ComputedStructureEntry:
        """Return the entry that pymatgen and the Materials Project's tools read.

        Its parameters name the method (``run_type``), its data the origin; hulls take
        it back (`lps_flows.analysis.HullEntry.of`).
        """
        from pymatgen.entries.computed_entries import ComputedStructureEntry

        return ComputedStructureEntry(
            self.structure,
            self.energy,
            entry_id=getattr(self, "structure_id", None),
            parameters={"run_type": self.method},
            data={
                "source": self.provenance.source,
                "parent": self.provenance.parent,
                "relaxed": self.relaxed,
                "converged": self.converged,
            },
        )


class CalculationFailure(Part):
    """A member of a set for which the reference method gave no energy."""

    index: int = Field(description="Position in the set that was to be labelled.")
    formula: str = Field(description="Full formula of the cell.")
    provenance: Provenance = Field(description="Where the structure comes from.")
    reason: str = Field(description="What went wrong, in the words of the error.")


class StructureSet(Document):
    """Structures that were labelled together."""

    method: str = Field(description="Reference method of every entry.")
    n_structures: int = Field(description="Number of entries.")
    entries: list[StructureDocument] = Field(
        description="One document per structure (kept in the data store)."
    )
    failures: list[CalculationFailure] = Field(
        default_factory=list,
        description="Members without an energy, and why; nothing else is lost by them.",
    )
    n_evaluations: int | None = Field(
        None,
        description="Evaluations by `method` that the entries took; none in documents "
        "of before.",
    )
