"""GPAW: plane-wave PBE without a licence fee, on atomate2's ASE Makers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ase.calculators.calculator import Calculator, all_changes
from atomate2.ase.jobs import AseRelaxMaker

from lps_flows.engines.ase_engine import (
    AseEngine,
    TestsStress,
    relax_options,
    static_options,
)
from lps_flows.engines.forcefields import installed_version
from lps_flows.engines.settings import EngineSettings, GpawSettings

# Valence electrons of the PAW sets per atom, at most; GPAW converges the energy per
# valence electron, so that this much tighter the energy per atom converges too.
_MOST_ELECTRONS_PER_ATOM = 6.0


class CellGpaw(Calculator):
    """GPAW, built when the first cell is known: its k-points follow from the cell.

    The k-points stay while a cell relaxes or moves; other atoms get a GPAW of their
    own.

    Parameters
    ----------
    encut
        Plane-wave cutoff (eV).
    sigma
        Width of the Fermi-Dirac occupations (eV).
    energy_per_atom
        Electronic convergence (eV/atom).
    kpoint_length
        R_k (Å); None for the Gamma point alone.
    symmetry
        Use the point group; off in dynamics.
    """

    name = "gpaw"
    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012 - as ASE

    def __init__(
        self,
        *,
        encut: float,
        sigma: float,
        energy_per_atom: float,
        kpoint_length: float | None,
        symmetry: bool,
    ) -> None:
        super().__init__()
        self._encut, self._sigma = encut, sigma
        self._energy_per_atom = energy_per_atom
        self._kpoint_length, self._symmetry = kpoint_length, symmetry
        self._gpaw: Calculator | None = None

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute energy (eV), forces (eV/Å) and stress (eV/Å^3)."""
        super().calculate(atoms, properties, system_changes)
        if self._gpaw is None or "numbers" in system_changes:
            self._gpaw = self._build(atoms)
        here = atoms.copy()
        here.calc = self._gpaw
        # Smearing: the value at zero width, as VASP's energy(sigma->0).
        self.results = {
            "energy": here.get_potential_energy(),
            "free_energy": here.get_potential_energy(force_consistent=True),
            "forces": here.get_forces(),
            "stress": here.get_stress(),
        }

    def _build(self, atoms: Any) -> Calculator:
        # GPAW is optional, and importing it starts its own parallel environment.
        from gpaw import GPAW, PW, FermiDirac

        grid = (1, 1, 1)
        if self._kpoint_length is not None:
            grid = automatic_grid(
                atoms.cell.reciprocal().lengths(), self._kpoint_length
            )
        calculator: Calculator = GPAW(
            mode=PW(self._encut),
            xc="PBE",
            kpts={"size": grid, "gamma": True},
            occupations=FermiDirac(self._sigma),
            convergence={"energy": self._energy_per_atom / _MOST_ELECTRONS_PER_ATOM},
            symmetry={} if self._symmetry else "off",
            txt="gpaw.txt",
        )
        return calculator


def automatic_grid(reciprocal: Sequence[float], length: float) -> tuple[int, int, int]:
    """Return the divisions of VASP's fully automatic k-points.

    N_i = max(1, int(R_k |b_i| + 0.5)).
    """
    first, second, third = (max(1, int(length * norm + 0.5)) for norm in reciprocal)
    return first, second, third


@dataclass
class GpawRelaxMaker(TestsStress, AseRelaxMaker):
    """Relax with GPAW; the k-points are those of the cell it starts from."""

    name: str = "gpaw relax"
    ionic_step_data: tuple[str, ...] | None = None

    def _get_calculator(self) -> Calculator:
        return CellGpaw(**self.calculator_kwargs)


@dataclass
class GpawStaticMaker(GpawRelaxMaker):
    """Energy, forces and stress with GPAW."""

    name: str = "gpaw static"
    relax_cell: bool = False
    steps: int = 1


def gpaw_engine(settings: EngineSettings) -> AseEngine:
    """Build the GPAW engine.

    Each calculation is a job of its own: it takes minutes to hours, and may be run
    in parallel by starting the worker under ``mpiexec gpaw python``.

    Raises
    ------
    EngineError
        When GPAW is not installed.
    """
    release = installed_version("gpaw", engine=settings.name)
    gpaw = settings.gpaw
    shared: dict[str, Any] = {
        "encut": gpaw.encut,
        "sigma": gpaw.sigma,
        "energy_per_atom": gpaw.energy_per_atom,
    }
    static = shared | {"kpoint_length": gpaw.kpoint_length, "symmetry": True}
    moving = shared | {
        "kpoint_length": None if gpaw.gamma_only_md else gpaw.kpoint_length,
        "symmetry": False,
    }
    return AseEngine(
        name=settings.name,
        method=gpaw_method(gpaw, release),
        static=GpawStaticMaker(**static_options(**static)),
        relax=GpawRelaxMaker(**relax_options(settings, **static)),
        moving=GpawStaticMaker(**static_options(**moving)),
        max_stress=settings.stress_limit if settings.relax_cell else None,
    )


def gpaw_method(settings: GpawSettings, release: str) -> str:
    """Return the method string: cutoff, and what differs from the other defaults."""
    plain, parts = GpawSettings(), [f"gpaw-{release}-pbe-pw{settings.encut:g}"]
    if settings.energy_per_atom != plain.energy_per_atom:
        parts.append(f"ediff={settings.energy_per_atom:g}/atom")
    if settings.sigma != plain.sigma:
        parts.append(f"sigma={settings.sigma:g}")
    if settings.kpoint_length != plain.kpoint_length:
        parts.append(f"k{settings.kpoint_length:g}")
    return "-".join(parts)
