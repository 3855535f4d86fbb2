"""The potential as an ASE calculator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import (
    Calculator,
    PropertyNotImplementedError,
    all_changes,
)
from ase.stress import full_3x3_to_voigt_6_stress

from lps_flows.potential.model import ANNPotential


class ANNCalculator(Calculator):
    """ASE calculator over an `ANNPotential`.

    Besides energy, forces and stress, the results of a committee hold ``energy_std``
    (eV/atom) and ``forces_std`` (eV/Å).

    Parameters
    ----------
    potential
        The potential, its `as_dict` dictionary (so that a job can carry it as
        ``calculator_kwargs``), or the path of a saved one.
    skin
        Extra thickness (Å) with which neighbour lists are kept between steps.
    committee
        Whether to add the standard deviations over the committee.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import (
    ...     ANNCalculator, TrainingSettings, train_potential)
    >>> structures = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> potential = train_potential(structures, [-7, -9, -9, -8], settings).potential
    >>> atoms = crystal("Li2S").to_ase_atoms()
    >>> atoms.calc = ANNCalculator(potential)
    >>> atoms.get_forces().shape
    (12, 3)
    """

    implemented_properties: ClassVar[list[str]] = [  # type: ignore[misc]
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
    ]

    def __init__(
        self,
        potential: ANNPotential | Mapping[str, Any] | str | Path,
        skin: float = 0.5,
        committee: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(potential, (str, Path)):
            potential = ANNPotential.load(potential)
        elif not isinstance(potential, ANNPotential):
            potential = ANNPotential.from_dict(potential)
        self.potential = potential
        self.committee = committee
        self._skin = skin
        self._evaluator = potential.evaluator(skin=skin)

    @property
    def device(self) -> str:
        """Device of the potential."""
        return self.potential.device

    def forget_neighbours(self) -> None:
        """Search neighbours anew at the next call.

        Kept lists sum in another order than fresh ones and differ in the last digit;
        a run that forgets them at stated steps can be continued from there bit for
        bit.
        """
        self._evaluator = self.potential.evaluator(skin=self._skin)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Compute energy, forces and stress of `atoms`."""
        super().calculate(atoms, properties, system_changes)
        result = self._evaluator.evaluate(
            self.atoms,  # type: ignore[arg-type]  # ASE leaves it untyped
            committee=self.committee,
        )
        self.results = {
            "energy": result.energy,
            "free_energy": result.energy,
            "energies": result.atomic_energies,
            "forces": result.forces,
        }
        if result.stress is not None:
            self.results["stress"] = full_3x3_to_voigt_6_stress(result.stress)
        elif properties and "stress" in properties:
            raise PropertyNotImplementedError("an isolated structure has no stress")
        if self.committee:
            self.results["energy_std"] = result.energy_std
            self.results["forces_std"] = result.forces_std
