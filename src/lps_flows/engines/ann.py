"""A trained potential as an engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from atomate2.ase.jobs import AseRelaxMaker

from lps_flows.engines.ase_engine import (
    AseEngine,
    TestsStress,
    relax_options,
    static_options,
)
from lps_flows.engines.engine import set_threads
from lps_flows.engines.errors import EngineError
from lps_flows.engines.trained import is_uuid, load_potential, potential_file
from lps_flows.potential import ANNCalculator, published_names

if TYPE_CHECKING:
    from lps_flows.engines.settings import EngineSettings


@dataclass
class AnnRelaxMaker(TestsStress, AseRelaxMaker):
    """Relax on a trained potential."""

    name: str = "ann relax"
    ionic_step_data: tuple[str, ...] | None = None

    def _get_calculator(self) -> ANNCalculator:
        return ann_calculator(**self.calculator_kwargs)


@dataclass
class AnnStaticMaker(AnnRelaxMaker):
    """Energy, forces and stress by a trained potential."""

    name: str = "ann static"
    relax_cell: bool = False
    steps: int = 1


@dataclass(frozen=True)
class AnnEngine(AseEngine):
    """An engine on a trained potential, which may not exist before a run."""

    @property
    def potential(self) -> str:
        """Trained potential that the engine stands on: its job's uuid, or a path."""
        return str(self._source)

    def given(self, potential: Any) -> AnnEngine:
        """Return the same engine on a potential that was handed to the running job."""
        if potential is None:
            return self
        on = {"potential": load_potential(potential)}
        static, relax = (
            replace(maker, calculator_kwargs={**maker.calculator_kwargs, **on})
            for maker in cast("list[AnnRelaxMaker]", [self.static, self.relax])
        )
        return replace(self, static=static, relax=relax)

    def written_method(self) -> str:
        """Return the method of the potential, 'ann-<identifier>'."""
        return ann_method(self._source)

    @property
    def _source(self) -> Any:
        return cast("AnnStaticMaker", self.static).calculator_kwargs["potential"]


def ann_engine(settings: EngineSettings) -> AnnEngine:
    """Build an engine on a trained potential, from the job store or from a file.

    Raises
    ------
    EngineError
        When no potential is named, or the file does not exist.
    """
    source = settings.potential
    known = source is not None and (
        source in published_names() or is_uuid(source) or potential_file(source)
    )
    if source is None or not known:
        raise EngineError(
            "the ann engine needs a trained potential"
            if source is None
            else "no published potential, job or file is named so",
            field="engine.potential",
            value=source,
            remedy="Give the uuid of a training job, the path of a saved potential, "
            f"or a published one: {', '.join(published_names())}",
        )
    source = str(potential_file(source) or source)  # jobs run in folders of their own
    kwargs: dict[str, Any] = {"potential": source, "threads": settings.threads}
    if settings.device != "auto":
        kwargs["device"] = settings.device
    return AnnEngine(
        name=settings.name,
        method=f"ann-{source}" if is_uuid(source) else ann_method(source),
        static=AnnStaticMaker(**static_options(**kwargs)),
        relax=AnnRelaxMaker(**relax_options(settings, **kwargs)),
        batched=True,
        max_stress=settings.stress_limit if settings.relax_cell else None,
    )


def ann_calculator(
    potential: Any, threads: int | None = None, device: str | None = None
) -> ANNCalculator:
    """Return an ASE calculator of a trained potential.

    Parameters
    ----------
    potential
        As `load_potential` takes it.
    device
        Device of torch; by default the CPU.
    """
    calculator = ANNCalculator(potential=load_potential(potential).to(device))
    set_threads(threads)
    return calculator


def ann_method(potential: Any) -> str:
    """Return the method string of a potential, 'ann-<identifier>'."""
    return f"ann-{load_potential(potential).identifier}"
