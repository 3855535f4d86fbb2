"""Trained potentials: handed over, published, by their job's uuid, or a file."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from jobflow import CURRENT_JOB
from jobflow.core.reference import ResolvedReference

from lps_flows.engines.errors import EngineError
from lps_flows.potential import ANNPotential, published_names

if TYPE_CHECKING:
    from jobflow import JobStore


def is_uuid(text: str) -> bool:
    """Tell whether a text is a job's uuid."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def potential_file(named: str, folder: Path | str = "") -> Path | None:
    """Return the file that a setting `potential` leads to, None for any other one.

    Parameters
    ----------
    folder
        Where a relative path counts from; by default the working directory.
    """
    if is_uuid(named) or named in published_names():
        return None
    file = Path(folder, named).absolute()
    with suppress(OSError):  # a name may be too long for a file's
        return file if file.is_file() else None
    return None


def load_potential(potential: Any) -> ANNPotential:
    """Return a trained potential.

    Parameters
    ----------
    potential
        The potential or its `PotentialDocument`, also as jobflow's
        `ResolvedReference`; the name of a published one; the uuid of its job, which is
        read from the store of the running job; or the path of its file.

    Raises
    ------
    EngineError
        When the running job cannot see the store.
    """
    while isinstance(potential, ResolvedReference):
        # where there is no value it is the store that may have it
        potential = potential.uuid if potential.value is None else potential.value
    if isinstance(potential, ANNPotential):
        return potential
    if not isinstance(potential, str):
        return _of(potential)
    if potential in published_names():
        return ANNPotential.published(potential)
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
            "engine's Makers, or use the Makers of lps_flows.jobs, which do so; where "
            "a worker has no store of the campaign (jobflow-remote), name a file",
        )
    return _of(store.get_output(uuid, which="last", load=True))


def _of(document: Any) -> ANNPotential:
    data = document["potential"] if isinstance(document, dict) else document.potential
    return data if isinstance(data, ANNPotential) else ANNPotential.from_dict(data)
