"""A trained potential as an engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from jobflow import CURRENT_JOB

from lps_flows.engines.engine import Engine, set_threads
from lps_flows.engines.errors import EngineError
from lps_flows.engines.forcefields import CalculatorStaticMaker, calculator_engine
from lps_flows.potential import ANNCalculator, ANNPotential

if TYPE_CHECKING:
    from jobflow import JobStore

    from lps_flows.engines.settings import EngineSettings

_CALLABLE = {"@module": "lps_flows.engines.ann", "@callable": "ann_calculator"}


@dataclass
class AnnStaticMaker(CalculatorStaticMaker):
    """Energy, forces and stress with a trained potential."""

    name: str = "ann static"

    def written_method(self) -> str:
        """Return the method of the potential, which may not exist before a run."""
        return ann_method(self.calculator_kwargs["potential"])


def ann_engine(settings: EngineSettings) -> Engine:
    """Build an engine on a trained potential, from the job store or from a file.

    Raises
    ------
    EngineError
        When no potential is named, or the file does not exist.
    """
    source = settings.potential
    if source is None:
        raise EngineError(
            "the ann engine needs a trained potential",
            field="engine.potential",
            value=None,
            remedy="Give the uuid of a training job, or the path of a saved potential",
        )
    if not is_uuid(source) and not Path(source).exists():
        raise EngineError(
            "there is no such file, and it is no job uuid",
            field="engine.potential",
            value=source,
            remedy="Give the uuid of a training job, or the path of a saved potential",
        )
    return calculator_engine(
        settings,
        method=f"ann-{source}" if is_uuid(source) else ann_method(source),
        force_field_name=_CALLABLE,
        calculator_kwargs={"potential": source},
        static=AnnStaticMaker,
    )


def ann_calculator(potential: str) -> ANNCalculator:
    """Return an ASE calculator of a trained potential.

    Parameters
    ----------
    potential
        uuid of the job that trained it, read from the store of the running job; or
        the path of a saved potential.
    """
    set_threads(None)
    return ANNCalculator(potential=load_potential(potential))


def ann_method(potential: str) -> str:
    """Return the method string of a potential, 'ann-<identifier>'."""
    return f"ann-{load_potential(potential).identifier}"


def is_uuid(text: str) -> bool:
    """Tell whether a text is a job's uuid."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def load_potential(potential: str) -> ANNPotential:
    """Return a trained potential, by the uuid of its job or the path of its file.

    Parameters
    ----------
    potential
        uuid, read from the store of the running job; or path.

    Raises
    ------
    EngineError
        When the running job cannot see the store.
    """
    if not is_uuid(potential):
        return _from_file(str(Path(potential).resolve()))
    return _from_store(potential)


@lru_cache(maxsize=4)
def _from_file(path: str) -> ANNPotential:
    return ANNPotential.load(path)


@lru_cache(maxsize=4)
def _from_store(uuid: str) -> ANNPotential:
    # A uuid names one trained potential for ever, so the cache cannot go stale.
    store: JobStore | None = CURRENT_JOB.store
    if store is None:
        raise EngineError(
            "the running job cannot see the job store",
            field="engine.potential",
            value=uuid,
            remedy="Set `job.config.expose_store = True` on jobs made from the ann "
            "engine's Makers, or use the Makers of lps_flows.jobs, which do so",
        )
    document = store.get_output(uuid, which="last", load=True)
    data = document["potential"] if isinstance(document, dict) else document.potential
    return ANNPotential.from_dict(data)
