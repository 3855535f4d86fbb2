"""What VASP's documents say of single ionic steps: energy, and convergence."""

from __future__ import annotations

from typing import Any

# VASP's own limit of electronic steps, where a document does not keep it.
_VASP_NELM = 60


def step_energy(step: Any) -> float | None:
    """Return the energy of an ionic step at zero smearing (eV).

    VASP 5 writes the entropy into the step's own `e_0_energy`; its free energy and the
    energies of its electronic steps are right. pymatgen mends the last step alone.
    """
    for last in reversed(step.electronic_steps or []):
        if None not in (step.e_fr_energy, last.e_0_energy, last.e_fr_energy):
            return float(step.e_fr_energy + (last.e_0_energy - last.e_fr_energy))
    free, internal, zero = step.e_fr_energy, step.e_wo_entrp, step.e_0_energy
    if None in (free, internal, zero):
        return None if zero is None else float(zero)
    # without electronic steps: zero smearing lies between free and internal energy
    between = min(free, internal) - 1e-6 <= zero <= max(free, internal) + 1e-6
    return float(zero) if between else None


def electrons_converged(document: Any) -> bool:
    """Tell whether the last electronic cycle of a VASP document converged.

    Documents of engines without one always did.
    """
    calculations = getattr(document, "calcs_reversed", None)
    if not calculations or not calculations[0].output.ionic_steps:
        return True
    return step_converged(calculations[0], calculations[0].output.ionic_steps[-1])


def step_converged(calculation: Any, step: Any) -> bool:
    """Tell whether the electronic cycle ended before its last allowed step (NELM)."""
    most = _VASP_NELM
    for name in ("incar", "parameters"):
        given: Any = getattr(calculation.input, name, None) or {}
        most = given.get("NELM") or most
    return (step.num_electronic_steps or 0) < most
