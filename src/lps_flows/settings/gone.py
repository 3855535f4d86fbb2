"""Keys that campaign files once took, and what counts in their place."""

from __future__ import annotations

_NO_RELAXATION = "this key never acted: nothing is relaxed there"
_GONE = {
    "engine.md.temperature": "this key never acted; dataset.md_temperature counts",
    "engine.md.n_steps": "this key never acted; dataset.md_steps counts",
    "engine.md.sampling_interval": "this key never acted; dataset.md_steps and "
    "dataset.n_snapshots count",
    "engine.md.seed": "this key never acted; dataset.seed counts",
    "conductivity_engine.fmax": _NO_RELAXATION,
    "conductivity_engine.max_steps": _NO_RELAXATION,
    "conductivity_engine.optimizer": _NO_RELAXATION,
    "conductivity_engine.relax_cell": _NO_RELAXATION,
    "conductivity_engine.md": "this key never acted; conductivity.temperatures, "
    "equilibration, production, time_step, damping_time, frame_interval and seed count",
    **dict.fromkeys(
        (
            "analysis.hull.end_members",
            "analysis.motifs.former",
            "analysis.motifs.ligand",
            "conductivity.analysis.mobile",
            "conductivity.analysis.motifs.former",
            "conductivity.analysis.motifs.ligand",
        ),
        "this key only repeated the line; line.end_members counts",
    ),
}


def what_counts(place: str) -> str | None:
    """Return what to say of a key that is gone; None for any other key."""
    instead = _GONE.get(place)
    return instead and f"{instead}. Leave it out"
