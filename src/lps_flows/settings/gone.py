"""Keys that campaign files once took, and what counts in their place."""

from __future__ import annotations

_NOTHING_RELAXED = "nothing is relaxed there"
_GONE = {
    "engine.md.temperature": "dataset.md_temperature",
    "engine.md.n_steps": "dataset.md_steps",
    "engine.md.sampling_interval": "dataset.md_steps and dataset.n_snapshots",
    "engine.md.seed": "dataset.seed",
    "conductivity_engine.fmax": _NOTHING_RELAXED,
    "conductivity_engine.max_steps": _NOTHING_RELAXED,
    "conductivity_engine.optimizer": _NOTHING_RELAXED,
    "conductivity_engine.relax_cell": _NOTHING_RELAXED,
    "conductivity_engine.md": "conductivity.temperatures, equilibration, production, "
    "time_step, damping_time, frame_interval and seed",
}


def what_counts(place: str) -> str | None:
    """Return what to say of a key that never acted; None for any other key.

    Parameters
    ----------
    place
        Dotted path of the key.
    """
    instead = _GONE.get(place)
    if instead is None:
        return None
    reason = instead if instead == _NOTHING_RELAXED else f"{instead} counts"
    return f"this key never acted; {reason}. Leave it out"
