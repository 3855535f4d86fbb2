"""VASP through atomate2's Makers, with the PBE settings of the paper."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomate2.utils.path import strip_hostname
from atomate2.vasp.jobs.core import RelaxMaker, StaticMaker
from atomate2.vasp.jobs.md import MDMaker
from atomate2.vasp.sets.base import VaspInputGenerator
from pymatgen.io.vasp import Kpoints

from lps_flows.engines.engine import Engine
from lps_flows.engines.errors import EngineError
from lps_flows.engines.vasp_handlers import relaxation_handlers, short_run_handlers
from lps_flows.engines.vasp_incar import incar_problems
from lps_flows.engines.vasp_method import vasp_method

if TYPE_CHECKING:
    from atomate2.vasp.jobs.base import BaseVaspMaker

    from lps_flows.engines.settings import EngineSettings

# atomate2's base set is r2SCAN's; what it turns on and PBE does not need.
_REMOVED = ("LAECHG", "LMIXTAU", "LVTOT", "LELF", "LORBIT", "KSPACING", "METAGGA")


@dataclass
class PbeSetGenerator(VaspInputGenerator):
    """Input set of one PBE calculation.

    Every key that the paper states is set here rather than inherited, so a change
    of atomate2's defaults cannot reach it.

    Parameters
    ----------
    encut
        Plane-wave cutoff (eV).
    sigma
        Width of the Gaussian smearing (eV).
    ediff_per_atom
        Electronic convergence (eV/atom) of single points: EDIFF = ediff_per_atom N.
        The paper's criterion is per atom while VASP's is for the cell.
    ediff
        EDIFF of relaxations and dynamics (eV per cell).
    kpoint_length
        R_k of the fully automatic k-points (Å).
    spin_polarised
        ISPIN 2 instead of 1.
    """

    encut: float = 520.0
    sigma: float = 0.05
    ediff_per_atom: float = 1e-5
    ediff: float = 1e-5
    kpoint_length: int = 25
    spin_polarised: bool = False
    # These would override the settings above from an earlier run's outputs.
    auto_ismear: bool = False
    inherit_incar: bool | list[str] = False

    @property
    def incar_updates(self) -> dict[str, Any]:
        """INCAR keys shared by every kind of calculation."""
        updates: dict[str, Any] = dict.fromkeys(_REMOVED)
        updates.update(
            GGA="PE",
            PREC="Accurate",
            ENCUT=self.encut,
            EDIFF=self.ediff,
            ISMEAR=0,
            SIGMA=self.sigma,
            ALGO="Fast",
            NELM=200,
            LREAL=False,
            LASPH=True,
            ISPIN=2 if self.spin_polarised else 1,
            LCHARG=False,
            LWAVE=False,
        )
        if not self.spin_polarised:
            updates["MAGMOM"] = None
        return updates

    @property
    def kpoints_updates(self) -> Any:
        """KPOINTS in VASP's fully automatic mode."""
        return {"length": self.kpoint_length}


@dataclass
class PbeStaticSetGenerator(PbeSetGenerator):
    """Input set of a single point.

    Parameters
    ----------
    keep_wave_functions
        Leave WAVECAR behind for the single point that follows.
    """

    keep_wave_functions: bool = False

    @property
    def incar_updates(self) -> dict[str, Any]:
        """INCAR keys of a single point."""
        n_atoms = 0 if self.structure is None else len(self.structure)
        return super().incar_updates | {
            # Rounded: the last digits of the product are of no meaning in a file.
            "EDIFF": float(f"{self.ediff_per_atom * n_atoms:.6g}"),
            "ALGO": "Normal",
            "LWAVE": self.keep_wave_functions,
            "NSW": 0,
            "IBRION": -1,
            "EDIFFG": None,
            "ISIF": 2,
        }


@dataclass
class PbeRelaxSetGenerator(PbeSetGenerator):
    """Input set of a relaxation.

    Parameters
    ----------
    fmax
        Force threshold (eV/Å): EDIFFG = -fmax.
    max_steps
        Most ionic steps (NSW).
    relax_cell, relax_shape
        Relax the cell too (ISIF 3), its shape at fixed volume (ISIF 4), or the
        positions alone (ISIF 2).
    """

    fmax: float = 0.02
    max_steps: int = 99
    relax_cell: bool = True
    relax_shape: bool = False

    @property
    def incar_updates(self) -> dict[str, Any]:
        """INCAR keys of a relaxation."""
        return super().incar_updates | {
            "NSW": self.max_steps,
            "IBRION": 2,
            "ISIF": 3 if self.relax_cell else 4 if self.relax_shape else 2,
            "EDIFFG": -self.fmax,
            # Forces converge after the energy.
            "NELMIN": 5,
        }


@dataclass
class PbeMDSetGenerator(PbeSetGenerator):
    """Input set of molecular dynamics: Gamma point, Nosé-Hoover, NVT.

    Parameters
    ----------
    start_temp, end_temp
        Temperatures TEBEG and TEEND (K).
    nsteps
        Number of time steps (NSW).
    time_step
        Time step POTIM (fs).
    """

    start_temp: float = 1200.0
    end_temp: float = 1200.0
    nsteps: int = 1000
    time_step: float = 1.0

    @property
    def incar_updates(self) -> dict[str, Any]:
        """INCAR keys of molecular dynamics."""
        return super().incar_updates | {
            "PREC": "Normal",
            # Real-space projection: needed to afford thousands of steps, and the
            # labels come from single points made without it.
            "LREAL": "Auto",
            "NELMIN": 4,
            "ISYM": 0,
            "IBRION": 0,
            "ISIF": 2,
            "EDIFFG": None,
            "MDALGO": 2,
            "SMASS": 0,
            "NSW": self.nsteps,
            "POTIM": self.time_step,
            "TEBEG": self.start_temp,
            "TEEND": self.end_temp,
            "MAXMIX": 20,
            "KBLOCK": 100,
        }

    @property
    def kpoints_updates(self) -> Any:
        """KPOINTS with the Gamma point alone."""
        return Kpoints.gamma_automatic((1, 1, 1))


@dataclass
class VaspStaticMaker(StaticMaker):
    """PBE single point, as the paper computes it."""

    name: str = "vasp static"
    input_set_generator: VaspInputGenerator = field(
        default_factory=PbeStaticSetGenerator
    )
    run_vasp_kwargs: dict = field(
        default_factory=lambda: {"handlers": relaxation_handlers()}
    )
    stop_children_kwargs: dict = field(
        default_factory=lambda: {"handle_unsuccessful": False}
    )


@dataclass
class VaspRelaxMaker(RelaxMaker):
    """PBE relaxation, as the paper computes it.

    A relaxation that does not converge is recorded as such and keeps its siblings
    running; atomate2's default would stop everything that waits for it.
    """

    name: str = "vasp relax"
    input_set_generator: VaspInputGenerator = field(
        default_factory=PbeRelaxSetGenerator
    )
    run_vasp_kwargs: dict = field(
        default_factory=lambda: {"handlers": relaxation_handlers()}
    )
    stop_children_kwargs: dict = field(
        default_factory=lambda: {"handle_unsuccessful": False}
    )


@dataclass
class VaspMDMaker(MDMaker):
    """PBE molecular dynamics, as the paper runs it.

    A continuation takes the last document's structure, which carries the velocities
    of CONTCAR, and its directory as `prev_dir`.
    """

    name: str = "vasp md"
    input_set_generator: VaspInputGenerator = field(default_factory=PbeMDSetGenerator)
    stop_children_kwargs: dict = field(
        default_factory=lambda: {"handle_unsuccessful": False}
    )


@dataclass(frozen=True)
class VaspEngine(Engine):
    """An engine whose Makers are derived from atomate2's VASP Makers."""

    def with_md(
        self, *, temperature: float, n_steps: int, time_step: float | None = None
    ) -> VaspEngine:
        """Return the same engine with its MD Maker set for one run."""
        changes: dict[str, Any] = {"nsteps": n_steps}
        changes |= {"start_temp": temperature, "end_temp": temperature}
        if time_step is not None:
            changes["time_step"] = time_step
        return replace(self, md=_with_inputs(self.md, **changes))

    def with_path(self, max_steps: int) -> VaspEngine:
        """Return the same engine with relaxations that stop early, each step kept."""
        relax = _with_inputs(self.relax, max_steps=max_steps)
        handlers = {"handlers": short_run_handlers()}
        return replace(
            self, relax=replace(relax, run_vasp_kwargs=relax.run_vasp_kwargs | handlers)
        )

    def with_fixed_cell(self) -> VaspEngine:
        """Return the same engine with relaxations that keep the cell."""
        relax = _with_inputs(self.relax, relax_cell=False)
        return replace(self, relax=relax, max_stress=None)

    def with_fixed_volume(self) -> VaspEngine:
        """Return the same engine with relaxations of the shape of the cell alone."""
        relax = _with_inputs(self.relax, relax_cell=False, relax_shape=True)
        return replace(self, relax=relax, max_stress=None)

    def in_a_chain(self) -> VaspEngine:
        """Return the same engine, whose single points start from wave functions."""
        static = _with_inputs(self.static, keep_wave_functions=True)
        copied = {"additional_vasp_files": ("WAVECAR",)}
        return replace(self, static=replace(static, copy_vasp_kwargs=copied))

    def forget(self, directory: str) -> None:
        """Remove WAVECAR, gigabytes, where this worker sees it."""
        with suppress(OSError):
            for file in Path(strip_hostname(directory)).glob("WAVECAR*"):
                file.unlink()


def _with_inputs(maker: Any, **changes: Any) -> Any:
    generator = replace(maker.input_set_generator, **changes)
    return replace(maker, input_set_generator=generator)


def vasp_engine(settings: EngineSettings) -> VaspEngine:
    """VASP with PBE: the production engine.

    The command comes from atomate2's own configuration (``VASP_CMD``), the PAW data
    sets from pymatgen's (``PMG_VASP_PSP_DIR``).

    Raises
    ------
    EngineError
        When INCAR keys say what other settings do, or are misspelt.
    """
    vasp = settings.vasp
    if problems := list(incar_problems(vasp)):
        raise EngineError(
            "; ".join(problems),
            field="engine.vasp.incar",
            value=vasp.incar,
            remedy="Give only keys that nothing else in the settings steers",
        )
    shared: dict[str, Any] = {
        "encut": vasp.encut,
        "sigma": vasp.sigma,
        "ediff_per_atom": vasp.ediff_per_atom,
        "ediff": vasp.ediff,
        "kpoint_length": vasp.kpoint_length,
        "spin_polarised": vasp.spin_polarised,
        "user_incar_settings": dict(vasp.incar),
        "user_potcar_settings": dict(vasp.potcar),
        "user_potcar_functional": vasp.potcar_functional,
    }

    def set_up(maker: type[BaseVaspMaker], generator: VaspInputGenerator) -> Any:
        return maker(
            input_set_generator=generator,
            write_input_set_kwargs={"potcar_spec": not vasp.write_potcar},
        )

    return VaspEngine(
        name=settings.name,
        method=vasp_method(vasp),
        max_stress=settings.stress_limit if settings.relax_cell else None,
        restarts=settings.restarts,
        static=set_up(VaspStaticMaker, PbeStaticSetGenerator(**shared)),
        relax=set_up(
            VaspRelaxMaker,
            PbeRelaxSetGenerator(
                fmax=settings.fmax,
                max_steps=settings.max_steps,
                relax_cell=settings.relax_cell,
                **shared,
            ),
        ),
        md=set_up(
            VaspMDMaker, PbeMDSetGenerator(time_step=settings.md.time_step, **shared)
        ),
    )
