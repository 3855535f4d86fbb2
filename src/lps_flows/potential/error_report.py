"""The report of errors, as documents and cards keep it."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class ErrorReport(BaseModel):
    """Errors over a set of structures.

    Examples
    --------
    >>> import numpy as np
    >>> from lps_flows.potential import ErrorReport
    >>> ErrorReport.of(np.array([0.001, -0.003])).mae
    2.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_structures: int = Field(description="Number of structures the errors are over.")
    rmse: float = Field(description="Root-mean-square error (meV/atom).")
    mae: float = Field(description="Mean absolute error (meV/atom).")
    max: float = Field(description="Largest absolute error (meV/atom).")
    force_rmse: float | None = Field(
        None, description="Root-mean-square error of force components (eV/Å)."
    )
    force_mae: float | None = Field(
        None, description="Mean absolute error of force components (eV/Å)."
    )
    force_max: float | None = Field(
        None, description="Largest error of a force component (eV/Å)."
    )

    @classmethod
    def of(
        cls, energy_errors: np.ndarray, force_errors: np.ndarray | None = None
    ) -> ErrorReport:
        """Summarise energy errors (eV/atom) and force errors (eV/Å)."""
        e = 1000.0 * np.abs(energy_errors)
        forces: dict[str, float] = {}
        if force_errors is not None and force_errors.size:
            f = np.abs(force_errors)
            forces["force_rmse"] = float(np.sqrt((f**2).mean()))
            forces |= {"force_mae": float(f.mean()), "force_max": float(f.max())}
        return cls(
            n_structures=len(e),
            rmse=float(np.sqrt((e**2).mean())),
            mae=float(e.mean()),
            max=float(e.max()),
            **forces,
        )
