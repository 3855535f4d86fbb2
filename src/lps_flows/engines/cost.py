"""Core-hours of a campaign before it starts, from a stated and editable model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import yaml
from pydantic import Field, ValidationError

from lps_flows.engines.errors import EngineError
from lps_flows.foundation import FrozenSettings

_SECONDS_PER_HOUR = 3600.0


class EngineCost(FrozenSettings):
    """What one evaluation by one engine costs."""

    overhead: float = Field(ge=0, description="Per evaluation (core-seconds).")
    seconds: float = Field(gt=0, description="100 atoms at one k-point (core-seconds).")
    exponent: float = Field(gt=0, description="Power of the number of atoms.")
    kpoint_length: float | None = Field(
        description="R_k of the automatic k-points (Å); none: no k-points."
    )
    relaxation_steps: int = Field(
        ge=1, description="Evaluations of a typical relaxation."
    )
    md_factor: float = Field(
        gt=0, description="Cost of an MD step relative to a static at Gamma."
    )


class CostModel(FrozenSettings):
    """What everything costs on one kind of machine."""

    volume_per_atom: float = Field(gt=0, description="Volume (Å^3/atom).")
    engines: dict[str, EngineCost] = Field(description="Costs by engine name.")
    single_points: int = Field(
        20, ge=1, description="Evaluations of a relaxation that a potential leads."
    )
    training_seconds: float = Field(
        gt=0, description="One restart of the ANN training (core-seconds)."
    )
    training_iteration: float | None = Field(
        None,
        gt=0,
        description="One iteration of a restart on 100,000 atoms (core-seconds), where "
        "that is to count instead.",
    )


class Work(Protocol):
    """Calculations of one kind, as a campaign's plan lists them."""

    @property
    def stage(self) -> str:
        """Stage of the campaign."""

    @property
    def kind(self) -> str:
        """Static, relax, md, ann relax or training."""

    @property
    def engine(self) -> str:
        """Engine that does them."""

    @property
    def n_atoms(self) -> Sequence[int]:
        """Atoms of each calculation."""

    @property
    def steps(self) -> int | None:
        """MD steps, iterations, or most evaluations of a relaxation, of each."""


@dataclass(frozen=True)
class CostLine:
    """Cost of calculations of one kind in one stage.

    Parameters
    ----------
    stage, kind, engine
        As in the plan.
    evaluations
        Energy-and-force evaluations of all together.
    core_hours
        Cost of all together (core-hours).
    """

    stage: str
    kind: str
    engine: str
    number: int
    atoms: int
    evaluations: int
    core_hours: float


def load_cost_model(path: str | Path | None = None) -> CostModel:
    """Read a cost model; the package's own when no path is given.

    Raises
    ------
    EngineError
        When the file cannot be read, or does not hold a cost model.
    """
    shipped = files("lps_flows.engines") / "data" / "cost_model.yaml"
    source = shipped if path is None else Path(path)
    try:
        return CostModel.model_validate(
            yaml.safe_load(source.read_text(encoding="utf-8"))
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        reason = (
            "; ".join(
                f"{'.'.join(map(str, mistake['loc'])) or 'file'}: {mistake['msg']}"
                for mistake in error.errors()[:3]
            )
            if isinstance(error, ValidationError)
            else str(error)
        )
        raise EngineError(
            f"this is no cost model: {reason}",
            field="cost_model",
            value=str(path),
            remedy=f"Start from {shipped}",
        ) from error


def estimate_cost(
    work: Iterable[Work], model: CostModel | None = None
) -> list[CostLine]:
    """Turn counted calculations into core-hours.

    Returns
    -------
    list of CostLine
        One per entry of `work`, in its order.

    Raises
    ------
    EngineError
        When the model does not know an engine.
    """
    model = model or load_cost_model()
    return [_line(entry, model) for entry in work]


def _line(work: Work, model: CostModel) -> CostLine:
    if work.kind == "training":
        seconds, evaluations = model.training_seconds * len(work.n_atoms), 0
        if model.training_iteration is not None and work.steps is not None:
            restarts = sum(work.n_atoms) / 1e5
            seconds = model.training_iteration * work.steps * restarts
    else:
        cost = _engine_cost(work.engine, model)
        led = getattr(work, "led", False)  # by single points, see `PlannedWork`
        steps = model.single_points if led else _evaluations(work, cost)
        evaluations = steps * len(work.n_atoms)
        seconds = sum(
            steps
            * evaluation_seconds(
                n, cost, model.volume_per_atom, dynamics=work.kind == "md"
            )
            for n in work.n_atoms
        )
    return CostLine(
        stage=work.stage,
        kind=work.kind,
        engine=work.engine,
        number=len(work.n_atoms),
        atoms=sum(work.n_atoms),
        evaluations=evaluations,
        core_hours=seconds / _SECONDS_PER_HOUR,
    )


def evaluation_seconds(
    n_atoms: int, cost: EngineCost, volume_per_atom: float, *, dynamics: bool = False
) -> float:
    """Core-seconds of one evaluation.

    Parameters
    ----------
    volume_per_atom
        Volume (Å^3/atom), for the number of k-points.
    dynamics
        A step of MD: the Gamma point alone, and `md_factor`.
    """
    n_kpoints = 1.0
    if cost.kpoint_length is not None and not dynamics:
        grid = cost.kpoint_length**3 / (n_atoms * volume_per_atom)
        n_kpoints = max(1.0, grid / 2)
    seconds = cost.overhead + cost.seconds * n_kpoints * (n_atoms / 100) ** (
        cost.exponent
    )
    return seconds * cost.md_factor if dynamics else seconds


def _evaluations(work: Work, cost: EngineCost) -> int:
    if work.kind == "static":
        return 1
    if work.kind == "md":
        return int(work.steps or 0)
    return min(cost.relaxation_steps, work.steps or cost.relaxation_steps)


def _engine_cost(label: str, model: CostModel) -> EngineCost:
    """Return the cost of an engine's model where it has its own, else the engine's."""
    name = label if label in model.engines else label.partition(" ")[0]
    if name not in model.engines:
        raise EngineError(
            f"the cost model knows {', '.join(sorted(model.engines))} and not this one",
            field="cost_model.engines",
            value=name,
            remedy="Add it to the cost model",
        )
    return model.engines[name]
