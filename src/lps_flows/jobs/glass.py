"""Glasses by melting and cooling: where they start, and what they have become."""

from __future__ import annotations

import numpy as np
from jobflow import job
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.analysis import classify_motifs
from lps_flows.chemistry import CompositionLine, remove_units, supercell_near
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.dynamics import DynamicsSettings
from lps_flows.jobs.evolution import parent_supercell
from lps_flows.schemas import StructureDocument
from lps_flows.schemas.glass import MeltQuenchDocument
from lps_flows.schemas.md import MDChunkDocument

_LI_P_S = CompositionLine()  # of fireworks that were stored without a line


class MeltQuenchError(LpsFlowsError):
    """A melt-quench cannot be run as asked."""


class MeltQuenchSettings(DynamicsSettings):
    """The temperature programme; each hold and each cooling step is one job."""

    melt_temperature: float = Field(2000.0, gt=0, description="Melt (K).")
    melt_time: float = Field(20000.0, gt=0, description="Time in the melt (fs).")
    final_temperature: float = Field(
        300.0, gt=0, description="Temperature at the end of the cooling (K)."
    )
    cooling_rate: float = Field(
        50.0, gt=0, description="Rate of cooling (K/ps); 50 K/ps is 5e13 K/s."
    )
    temperature_step: float = Field(
        100.0,
        gt=0,
        description="Cooling goes in steps of at most this size, each held as long as "
        "the rate asks (K).",
    )
    target_atoms: int = Field(
        100,
        ge=1,
        description="Smaller structures become supercells of about this many atoms.",
    )

    n_structures: int = Field(
        1, ge=1, description="Glasses of every composition of a campaign."
    )

    def programme(self) -> list[tuple[float, float]]:
        """Return (temperature in K, time in fs) of the melt and each cooling step."""
        fall = self.melt_temperature - self.final_temperature
        if fall <= 0:
            raise MeltQuenchError(
                "the melt must be hotter than the glass",
                field="melt_quench.melt_temperature",
                value=self.melt_temperature,
                remedy=f"Choose more than {self.final_temperature:g} K",
            )
        n = max(int(np.ceil(fall / self.temperature_step)), 1)
        each = 1000 * fall / n / self.cooling_rate
        cooled = [self.melt_temperature - fall * (i + 1) / n for i in range(n)]
        return [(self.melt_temperature, self.melt_time), *((T, each) for T in cooled)]


@job
def melt_start(
    parent: StructureDocument,
    *,
    parent_key: str,
    end_member: str,
    n_units: int,
    parent_atoms: int,
    target_atoms: int,
    seed: int,
    line: CompositionLine,
    unrelaxed: Structure | None = None,
    potential: str | None = None,
) -> Structure:
    """Make the cell to be molten: units taken out at random, repeated to its size.

    Parameters
    ----------
    parent_key, end_member, n_units, parent_atoms
        What is removed from a supercell of how many atoms, as in the search.
    target_atoms
        Atoms to be molten, about; a whole number of the cells that the search uses.
    unrelaxed
        The parent before it was relaxed, when it is not of the library.
    potential
        Method of the potential that melts it: all waits until that is trained.

    Raises
    ------
    RemovalError
        When the supercell holds too few units.
    """
    del potential
    supercell = parent_supercell(parent.structure, parent_key, parent_atoms, unrelaxed)
    rng = np.random.default_rng(seed)
    return supercell_near(
        remove_units(supercell, end_member, n_units, rng, line), target_atoms
    )


@job(output_schema=MeltQuenchDocument)
def document_glass(
    last: MDChunkDocument,
    start: Structure,
    *,
    settings: MeltQuenchSettings,
    chunk_uuids: list[str],
    line: CompositionLine = _LI_P_S,
) -> MeltQuenchDocument:
    """Describe the glass at the end of a cooling.

    Raises
    ------
    MeltQuenchError
        When the dynamics failed: there is no glass to relax.
    """
    if last.failure is not None:
        raise MeltQuenchError(
            "the dynamics failed, so there is no glass",
            field="melt_quench",
            value=last.failure,
            remedy="Melt at a lower temperature, or teach the potential what keeps "
            "atoms apart (dataset.n_squeezed)",
        )
    glass = Structure(
        last.structure.lattice, last.structure.species, last.structure.frac_coords
    ).get_sorted_structure()
    programme = settings.programme()
    return MeltQuenchDocument(
        method=last.method,
        label=last.label,
        structure=glass,
        start=start,
        temperatures=[temperature for temperature, _ in programme],
        cooling_rate=settings.cooling_rate,
        melt_temperature=settings.melt_temperature,
        melt_time=settings.melt_time,
        motifs=classify_motifs(glass, line=line),
        start_motifs=classify_motifs(start, line=line),
        chunk_uuids=chunk_uuids,
    )
