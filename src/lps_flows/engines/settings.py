"""Settings that choose an engine and steer it."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from lps_flows.foundation import FrozenSettings


class MDSettings(FrozenSettings):
    """Integration of the dynamics that reference structures come from."""

    time_step: float = Field(1.0, gt=0, description="Time step (fs).")
    damping_time: float = Field(
        50.0,
        gt=0,
        description="Characteristic time of the Nosé-Hoover thermostat (fs); VASP "
        "chooses its own (SMASS = 0).",
    )


class VaspSettings(FrozenSettings):
    """The PBE settings of the paper; what it does not state is marked (ours)."""

    encut: float = Field(520.0, gt=0, description="Plane-wave cutoff (eV).")
    sigma: float = Field(0.05, gt=0, description="Width of Gaussian smearing (eV).")
    ediff_per_atom: float = Field(
        1e-5,
        gt=0,
        description="Electronic convergence per atom (eV/atom) of single points, the "
        "energies that are reported; EDIFF is this times the number of atoms.",
    )
    ediff: float = Field(
        1e-5,
        gt=0,
        description="EDIFF of relaxations and MD (eV per cell): forces need more than "
        "the energy does (ours).",
    )
    kpoint_length: int = Field(
        25,
        gt=0,
        description="R_k of the fully automatic k-points (Å); whole, for pymatgen "
        "cannot read a KPOINTS file with a decimal point here.",
    )
    spin_polarised: bool = Field(
        False, description="ISPIN 2 (ours: off, closed-shell sulfides)."
    )
    potcar_functional: str = Field(
        "PBE_54", description="Release of the PAW data sets (ours)."
    )
    potcar: dict[str, str] = Field(
        default_factory=lambda: {"Li": "Li_sv", "P": "P", "S": "S"},
        description="PAW data set by element (ours); others as in atomate2.",
    )
    incar: dict[str, Any] = Field(
        default_factory=dict,
        description="Further INCAR keys for every calculation (NCORE, KPAR, ...); "
        "none removes a key. Those that other settings steer (NSW, POTIM, TEBEG, ISIF, "
        "...) are refused; ENCUT and ISPIN win over `encut` and `spin_polarised`.",
    )
    write_potcar: bool = Field(
        True,
        description="Write POTCAR; without, only POTCAR.spec, for a dry look at the "
        "inputs or a code that needs none.",
    )

    @field_validator("incar")
    @classmethod
    def _upper_case(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {key.upper(): entry for key, entry in value.items()}


class GpawSettings(FrozenSettings):
    """Plane-wave PBE with GPAW, as close to the VASP settings as it goes."""

    encut: float = Field(520.0, gt=0, description="Plane-wave cutoff (eV).")
    sigma: float = Field(
        0.05, gt=0, description="Width of Fermi-Dirac occupations (eV)."
    )
    energy_per_atom: float = Field(
        1e-5, gt=0, description="Electronic convergence (eV/atom)."
    )
    kpoint_length: float = Field(
        25.0,
        gt=0,
        description="Length R_k (Å): N_i = max(1, R_k |b_i| + 0.5), as VASP counts.",
    )
    gamma_only_md: bool = Field(True, description="Use the Gamma point alone in MD.")


POTENTIAL_ENGINE = "ann"
"""Name of the engine that stands on a trained potential."""


class ForcesSettings(FrozenSettings):
    """Choice of what gives energies and forces."""

    name: str = Field(
        "chgnet",
        description="One of chgnet, sevennet, diep, ann, vasp, gpaw; forcefield for "
        "any that atomate2 knows by `model`; calculator for any ASE calculator; or the "
        "name of an entry point of the group lps_flows.engines in a package of your "
        "own.",
    )
    model: str | None = Field(
        None,
        description="Model of the engine; sevennet: 7net-0 or 7net-l3i5; forcefield: "
        "atomate2's name, for example MACE-MP-0.",
    )
    calculator: str | None = Field(
        None,
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$",
        description="For calculator: class of an ASE calculator, 'module.Class'.",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Keyword arguments of the calculator of calculator or forcefield; "
        "engines of your own may take them, too. Other arguments make another method.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="Where torch computes; auto: what the engine chooses, and the CPU "
        "for ann. One that is not there is refused.",
    )
    potential: str | None = Field(
        None,
        description="For ann: name of a published potential (Li-P-S), uuid of the job "
        "that trained one, or the path of a saved one; a relative path counts from the "
        "campaign file.",
    )
    threads: int | None = Field(
        None,
        ge=1,
        description="Torch threads per process; none: OMP_NUM_THREADS, or else 1.",
    )
    vasp: VaspSettings = Field(VaspSettings(), description="Used by vasp alone.")
    gpaw: GpawSettings = Field(GpawSettings(), description="Used by gpaw alone.")

    @field_validator("potential")
    @classmethod
    def _beside_the_campaign_file(
        cls, value: str | None, info: ValidationInfo
    ) -> str | None:
        folder = (info.context or {}).get("folder")
        if value is None or folder is None:
            return value
        # most settings name none, and are read quickly
        from lps_flows.engines.trained import potential_file

        file = potential_file(value, folder)
        return value if file is None else str(file)

    # Afterwards: what comes before makes Python of a file's JSON, in which a list is
    # no tuple.
    @model_validator(mode="after")
    def _named_by_its_class(self) -> Self:
        """Take ``{calculator: module.Class}`` without a name."""
        if self.calculator and "name" not in self.model_fields_set:
            self.__dict__["name"] = "calculator"
            self.model_fields_set.add("name")
        return self

    @property
    def needs_potential(self) -> bool:
        """True when the engine stands on a trained potential that is not named here.

        In a campaign that is the campaign's own, which has no uuid beforehand.
        """
        return self.name == POTENTIAL_ENGINE and self.potential is None

    def on(self, potential: str | None) -> Self:
        """Return the same settings on this potential, where they need one."""
        if not self.needs_potential:
            return self
        return self.model_copy(update={"potential": potential})


GPA_PER_FORCE = 5.0
"""Stress threshold that goes with a force threshold (GPa per eV/Å)."""

# 7net-0 takes P2S5 from 27 to between 47 and 80 Å^3/atom; chgnet stops at 34.
_HELD = {"sevennet": ("P2S5",)}


# Engines that relax twice, see `Engine.restarts`.
_RESTARTS = ("vasp",)


class EngineSettings(ForcesSettings):
    """Choice of a reference method."""

    fmax: float = Field(
        0.02, gt=0, description="Force threshold of relaxations (eV/Å)."
    )
    max_stress: float | None = Field(
        None,
        gt=0,
        description="Stress threshold of relaxations of the cell (GPa); none: 5 GPa "
        "for each eV/Å of `fmax`, 0.1 GPa at 0.02 eV/Å.",
    )
    crystal_fmax: float | None = Field(
        None,
        gt=0,
        description="Force threshold of the campaign's crystals (eV/Å), which all "
        "energies refer to; none: half of `fmax`. Their stress threshold is lower in "
        "the same ratio.",
    )
    held_cells: tuple[str, ...] | None = Field(
        None,
        description="Keys of crystals whose cell is held while their atoms relax; "
        "null: P2S5 for sevennet, on which its molecules drift apart without bound for "
        "want of dispersion, and none for engines on which it has a minimum.",
    )
    max_steps: int = Field(500, ge=2, description="Most steps of one relaxation.")
    optimizer: Literal["LBFGS", "BFGS", "FIRE"] = Field(
        "LBFGS",
        description="ASE's optimiser in relaxations, not used by vasp. FIRE takes a "
        "third of the steps on disordered cells and stops in shallower minima; it does "
        "not converge soft crystals like P2S5.",
    )
    relax_cell: bool = Field(True, description="Relax the cell with the positions.")
    relaxation: Literal["single points", "native"] = Field(
        "single points",
        description="What a trained potential is at hand for: single points that it "
        "leads, a third to a tenth of the evaluations; native is the engine's own "
        "relaxation everywhere.",
    )
    md: MDSettings = Field(
        MDSettings(), description="Molecular dynamics for reference structures."
    )

    @property
    def cells_held(self) -> tuple[str, ...]:
        """Keys of crystals whose cell is held, by this engine's own rule if none."""
        return _HELD.get(self.name, ()) if self.held_cells is None else self.held_cells

    @property
    def restarts(self) -> bool:
        """Whether the engine relaxes twice, the second time on the first's cell."""
        return self.name in _RESTARTS

    @property
    def stress_limit(self) -> float:
        """Stress threshold of relaxations of the cell (GPa)."""
        return self.max_stress or GPA_PER_FORCE * self.fmax

    def for_crystals(self) -> Self:
        """Return the same settings with the thresholds of the campaign's crystals.

        Examples
        --------
        >>> crystals = EngineSettings().for_crystals()
        >>> crystals.fmax, crystals.stress_limit
        (0.01, 0.05)
        """
        fmax = self.crystal_fmax or self.fmax / 2
        stress = self.stress_limit * fmax / self.fmax
        return self.model_copy(update={"fmax": fmax, "max_stress": stress})
