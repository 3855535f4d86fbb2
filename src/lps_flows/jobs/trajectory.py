"""Join the chunks of a run that lie in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jobflow import JobStore
from numpy.typing import NDArray
from pymatgen.core import Structure

from lps_flows.analysis.trajectory import EmptyTrajectoryError, TrajectoryError
from lps_flows.jobs.large_parts import loading
from lps_flows.jobs.references import uuid_of, value_of
from lps_flows.schemas.md import MDChunkDocument


@dataclass(frozen=True)
class JoinedTrajectory:
    """One run, put together from its chunks.

    Attributes
    ----------
    structure
        Atoms and cell at the end of the last chunk.
    times
        Time of each frame since the start of the run (fs), shape (n_frames,).
    positions
        Unwrapped positions (Å), shape (n_frames, n_atoms, 3).
    temperatures, potential_energies, conserved_energies
        Kinetic temperature (K) and energies (eV), shape (n_frames,).
    method, label, temperature, device
        As in the chunks.
    failure
        Why a chunk stopped early; the frames before it are here.
    """

    structure: Structure
    times: NDArray[np.float64]
    positions: NDArray[np.float64]
    temperatures: NDArray[np.float64]
    potential_energies: NDArray[np.float64]
    conserved_energies: NDArray[np.float64]
    method: str
    label: str
    temperature: float
    failure: str | None
    device: str | None = None


def load_chunk(uuid: str, store: JobStore) -> MDChunkDocument:
    """Read the document of one chunk, frames included.

    Raises
    ------
    LostPartError
        When it, or its frames, are gone.
    """
    with loading(store, uuid):
        output: Any = store.get_output(uuid, which="last", load=True)
    if isinstance(output, MDChunkDocument):
        return output
    return MDChunkDocument.from_store(output)


def chunks_of(handed: Sequence[Any]) -> dict[str, MDChunkDocument]:
    """Return chunks that were handed over by `both`, by the uuids of their jobs."""
    return {uuid_of(chunk): value_of(chunk) for chunk in handed}


def join_trajectory(chunk_uuids: Sequence[str], store: JobStore) -> JoinedTrajectory:
    """Join the production frames of a run, in order and without repeats.

    Parameters
    ----------
    chunk_uuids
        Jobs of the chunks, in the order they ran; equilibration chunks hold no
        positions and are passed over.

    Raises
    ------
    EmptyTrajectoryError
        When no chunk holds a frame.
    TrajectoryError
        When chunks are out of order, or one is missing between two others.
    LostPartError
        When one, or its frames, are gone.
    """
    return join_chunks({uuid: load_chunk(uuid, store) for uuid in chunk_uuids})


def kept_positions(chunks: Mapping[str, MDChunkDocument]) -> NDArray[np.float64]:
    """Return all positions of a run (Å), shape (n_frames, n_atoms, 3), in order.

    Those of an equilibration that failed are among them.
    """
    frames = (chunk.frames for chunk in chunks.values())
    packed = [f.positions for f in frames if f is not None and f.positions is not None]
    parts = [positions.unpack().astype(float) for positions in packed]
    return np.concatenate(parts) if parts else np.empty((0, 0, 3))


def join_chunks(chunks: Mapping[str, MDChunkDocument]) -> JoinedTrajectory:
    """Join the production frames of chunks, by the uuids of their jobs, in order.

    Raises as `join_trajectory`.
    """
    failure = next((chunk.failure for chunk in chunks.values() if chunk.failure), None)
    previous: MDChunkDocument | None = None
    columns: dict[str, list[Any]] = {}
    for uuid, chunk in chunks.items():
        if previous is not None and chunk.first_step != previous.last_step:
            raise TrajectoryError(
                f"the chunk starts at step {chunk.first_step}, the one before ends at "
                f"{previous.last_step}",
                field="chunk_uuids",
                value=uuid,
                remedy="Give all chunks of one run in the order they ran",
            )
        previous = chunk
        frames = chunk.frames
        if frames is None or frames.positions is None or chunk.n_frames == 0:
            continue
        if chunk.equilibration:  # of one that failed they are kept, to be looked at
            continue
        columns.setdefault("times", []).append(frames.steps.unpack() * chunk.time_step)
        columns.setdefault("positions", []).append(frames.positions.unpack())
        for key in ("temperatures", "potential_energies", "conserved_energies"):
            columns.setdefault(key, []).append(getattr(frames, key).unpack())
    if previous is None or not columns:
        raise EmptyTrajectoryError(
            failure or "no chunk holds a frame",
            field="chunk_uuids",
            value=list(chunks),
            remedy="Look at the first chunk's document; give production longer than "
            "one frame interval",
        )
    joined = {key: np.concatenate(parts) for key, parts in columns.items()}
    return JoinedTrajectory(
        structure=previous.structure,
        times=joined["times"].astype(float),
        positions=joined["positions"].astype(float),
        temperatures=joined["temperatures"],
        potential_energies=joined["potential_energies"],
        conserved_energies=joined["conserved_energies"],
        method=previous.method,
        label=previous.label,
        temperature=previous.temperature,
        failure=failure,
        device=previous.device,
    )
