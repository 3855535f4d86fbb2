"""What the reference set is made of: settings, and what they refuse."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from lps_flows.chemistry import CompositionLine, UnknownCrystalError, entry
from lps_flows.engines import MDSettings
from lps_flows.foundation import FrozenSettings, LpsFlowsError
from lps_flows.jobs.dynamics import DynamicsSettings

SQUEEZED_FORCE = 25.0
"""Force (eV/Å) that training must let in to learn from squeezed cells."""


class DatasetError(LpsFlowsError):
    """Reference structures cannot be made as asked."""


class DatasetSettings(FrozenSettings):
    """Which reference structures are made of every crystal, and which are there."""

    labelled: tuple[str, ...] = Field(
        (),
        description="Files of structures that are labelled already and join the set as "
        "they are: extended XYZ as `lps-flows export --format labels` writes it, each "
        "frame with the `method` of its energy, which is the engine's; compressed or "
        "not. A relative path counts from the campaign file.",
    )
    isotropic_strains: tuple[float, ...] = Field(
        (-0.15, -0.1, -0.06, -0.03, 0.03, 0.06, 0.1, 0.15),
        description="Relative changes of all three lattice parameters together.",
    )
    n_strained: int = Field(
        8, ge=0, description="Crystals whose lattice parameters change independently."
    )
    max_strain: float = Field(
        0.15,
        ge=0,
        lt=0.5,
        description="Largest relative change of a lattice parameter.",
    )
    n_rattled: int = Field(8, ge=0, description="Rattled supercells per crystal.")
    rattle: float = Field(
        0.25, ge=0, description="Largest standard deviation of displacements (Å)."
    )
    rattle_strain: float = Field(
        0.03, ge=0, lt=0.5, description="Largest lattice change of rattled cells."
    )
    n_squeezed: int = Field(
        0,
        ge=0,
        description="Supercells of every crystal in which one atom is pushed onto a "
        "neighbour, to 0.8 and 0.7 of the sum of their covalent radii, each pair of "
        "elements in turn: what keeps atoms apart in a melt. They ask for a "
        "`training.max_force` of 25 eV/Å or more.",
    )
    n_removed: int = Field(
        8,
        ge=0,
        description="Supercells per parent with units of an end member removed.",
    )
    relax_removed: bool = Field(
        True,
        description="Relax them a little way and keep frames of it; otherwise label "
        "them as they are.",
    )
    max_removed_fraction: float = Field(
        0.35,
        gt=0,
        lt=1,
        description="Largest fraction of an end member's units that is removed.",
    )
    removal_parents: tuple[str, ...] | None = Field(
        None,
        description="Crystals that get removals and MD; none: all that hold both end "
        "members.",
    )
    relaxation_steps: int = Field(
        100, ge=2, description="Most steps of the relaxations that add to the set."
    )
    relaxation_frames: int = Field(
        6, ge=1, description="Frames kept of each such relaxation."
    )
    n_trajectories: int = Field(
        1,
        ge=0,
        description="MD runs per parent; the first starts from the crystal, the "
        "others from supercells with units removed.",
    )
    md_temperature: float = Field(1200.0, gt=0, description="MD temperature (K).")
    md_steps: int = Field(3000, ge=1, description="Steps of each MD run.")
    md_chunk_steps: int | None = Field(
        None,
        ge=1,
        description="Most steps of one MD job: what a killed job costs. None: one job "
        "per run.",
    )
    n_snapshots: int = Field(
        150, ge=1, description="Evenly spaced snapshots per trajectory."
    )
    relax_snapshots: bool = Field(
        True,
        description="Relax the snapshots and keep frames of the way down, the snapshot "
        "first; otherwise label the snapshots alone.",
    )
    target_atoms: int = Field(
        100, ge=1, le=5000, description="Atoms in a supercell, about."
    )
    min_distance: float = Field(
        1.2, gt=0, description="Structures with a shorter distance are redrawn (Å)."
    )
    seed: int = Field(0, ge=0, description="Seed of every random draw.")

    @field_validator("labelled")
    @classmethod
    def _beside_the_campaign_file(
        cls, value: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        folder = (info.context or {}).get("folder")
        return value if folder is None else tuple(str(Path(folder, f)) for f in value)

    @field_validator("isotropic_strains")
    @classmethod
    def _sensible(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(abs(strain) >= 0.5 for strain in value):
            msg = "a strain is a fraction, below 0.5 in size"
            raise ValueError(msg)
        return value

    def dynamics(self, md: MDSettings) -> DynamicsSettings:
        """Return how the MD runs are integrated, cut into jobs and stored."""
        return DynamicsSettings(
            time_step=md.time_step,
            damping_time=md.damping_time,
            frame_interval=max(1, self.md_steps // self.n_snapshots),
            chunk_length=(self.md_chunk_steps or self.md_steps) * md.time_step,
            seed=self.seed,
        )

    def parents(self, keys: list[str], line: CompositionLine) -> tuple[str, ...]:
        """Return which of these crystals get removals and MD.

        Raises
        ------
        DatasetError
            When `removal_parents` names one that is not at hand.
        """
        wanted = self.removal_parents
        if wanted is None:
            return tuple(key for key in keys if _holds_both_end_members(key, line))
        missing = sorted(set(wanted) - set(keys))
        if missing:
            raise DatasetError(
                "these parents are not among the crystals of the campaign",
                field="dataset.removal_parents",
                value=missing,
                remedy=f"Name some of {', '.join(keys)}, or add the crystals",
            )
        return wanted


def _holds_both_end_members(key: str, line: CompositionLine) -> bool:
    try:
        x = entry(key).x(line)
    except UnknownCrystalError:
        return True
    return x is not None and 0 < x < 1
