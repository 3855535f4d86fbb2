"""What a training returns."""

from __future__ import annotations

import platform
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lps_flows.chemistry import AnyStructure, element_symbols
from lps_flows.potential.assessment import Misses
from lps_flows.potential.error_report import ErrorReport
from lps_flows.potential.lockstep import Run
from lps_flows.potential.model import ANNPotential
from lps_flows.potential.parametrisation import Parametrisation
from lps_flows.potential.training_data import TrainingData
from lps_flows.potential.training_settings import TrainingSettings


class RestartHistory(BaseModel):
    """How one restart of the training went.

    Examples
    --------
    >>> from lps_flows.potential import RestartHistory
    >>> history = RestartHistory(
    ...     restart=0, training=[9.1, 2.0, 1.1], validation=[9.3, 2.2, 2.6],
    ...     best_iteration=1, message="converged", line_search_failed=False)
    >>> history.validation[history.best_iteration]
    2.2
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    restart: int = Field(
        description="Its number, and the index of its member in the committee."
    )
    training: list[float] = Field(
        description="Energy RMSE on the training part by iteration (meV/atom)."
    )
    validation: list[float] = Field(
        description="Energy RMSE on the held-out part by iteration (meV/atom)."
    )
    training_forces: list[float] = Field(
        default_factory=list,
        description="Force RMSE on the training part by iteration (eV/Å), empty "
        "without forces.",
    )
    validation_forces: list[float] = Field(
        default_factory=list, description="The same on the held-out part."
    )
    best_iteration: int = Field(description="Iteration whose weights were kept.")
    n_evaluations: int | None = Field(
        None, description="Loss evaluations, line-search trials counted."
    )
    message: str = Field(description="Why it stopped.")
    line_search_failed: bool = Field(
        description="Whether a failed line search stopped it."
    )


LEFT_OUT = "left out"


@dataclass(frozen=True)
class TrainingResult:
    """A trained potential and how good it is.

    Parameters
    ----------
    potential
        With all restarts as its committee; the best on validation gives the energies.
    training, validation
        Errors of the best member; validation equals training when nothing was held
        out.
    by_source, by_composition
        Errors over all structures of each source or composition, of the held-out ones
        alone under ``"... (validation)"``, and of those in neither part, since a force
        was above `TrainingSettings.max_force`, under ``"... (left out)"``.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import TrainingSettings, train_potential
    >>> structures = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> result = train_potential(structures, [-7, -9, -9, -8], settings)
    >>> len(result.committee), list(result.by_composition)
    (2, ['Li8S4', 'Li8S4 (validation)'])
    """

    potential: ANNPotential
    training: ErrorReport
    validation: ErrorReport
    by_source: dict[str, ErrorReport]
    by_composition: dict[str, ErrorReport]
    history: list[RestartHistory]
    training_indices: list[int]
    validation_indices: list[int]

    @property
    def committee(self) -> tuple[ANNPotential, ...]:
        """Each member of the potential as a potential of its own."""
        return tuple(map(self.potential.member, range(len(self.potential.members))))


def make_result(
    data: TrainingData,
    parametrisation: Parametrisation,
    runs: list[Run],
    *,
    train: np.ndarray,
    held: np.ndarray,
    settings: TrainingSettings,
) -> TrainingResult:
    """Build the potential from the restarts' best weights and assess it."""
    metadata = {
        "settings": settings.model_dump(mode="json"),
        "dataset": data.digest,
        "n_training": len(train),
        "n_validation": len(held),
        "statistics": "features, reference energies and scale of the training part",
        "validation_scores": [run.score for run in runs],
        "versions": {
            "python": platform.python_version(),
            **{p: version(p) for p in ("lps-flows", "numpy", "scipy", "numba")},
        },
    }
    potential = ANNPotential(
        data.descriptor,
        parametrisation.normalisation,
        [parametrisation.member(run.best) for run in runs],
        best=int(np.argmin([run.score for run in runs])),
        metadata=metadata,
    )
    side = np.full(len(data.energies), LEFT_OUT, dtype=object)
    side[train], side[held] = "training", "validation"
    misses = Misses.of(potential, data.structures, data.energies, data.forces)

    def reports(labels: list[str]) -> dict[str, ErrorReport]:
        split = [f"{a} ({b})" for a, b in zip(labels, side, strict=True)]
        chosen = misses.by(split).items()
        trained_on = [
            a if b != LEFT_OUT else f"{a} ({b})"
            for a, b in zip(labels, side, strict=True)
        ]
        return misses.by(trained_on) | {
            k: v for k, v in chosen if k.endswith("(validation)")
        }

    errors = misses.by(side.tolist())
    by_source = {} if data.sources is None else reports(data.sources)
    by_composition = reports([_formula(s) for s in data.structures])
    validation = errors.get("validation", errors["training"])
    potential.metadata["errors"] = {
        "training": errors["training"].model_dump(),
        "validation": validation.model_dump(),
        "by_source": {k: v.model_dump() for k, v in by_source.items()},
        "by_composition": {k: v.model_dump() for k, v in by_composition.items()},
    }
    scale = parametrisation.normalisation.energy_scale
    history = []
    for k, run in enumerate(runs):
        rows = np.sqrt(np.array(run.history)) / scale
        has_forces = data.forces is not None and settings.force_weight > 0
        history.append(
            RestartHistory(
                restart=k,
                training=(1000.0 * rows[:, 1]).tolist(),
                validation=(1000.0 * rows[:, 2]).tolist(),
                training_forces=rows[:, 3].tolist() if has_forces else [],
                validation_forces=rows[:, 4].tolist() if has_forces else [],
                best_iteration=run.best_iteration,
                n_evaluations=run.n_evaluations,
                message=run.message,
                line_search_failed=run.failed,
            )
        )
    return TrainingResult(
        potential=potential,
        training=errors["training"],
        validation=validation,
        by_source=by_source,
        by_composition=by_composition,
        history=history,
        training_indices=train.tolist(),
        validation_indices=held.tolist(),
    )


def _formula(structure: AnyStructure) -> str:
    """Write the formula of the cell, elements in alphabetical order."""
    counts = Counter(element_symbols(structure))
    return "".join(f"{element}{n}" for element, n in sorted(counts.items()))
