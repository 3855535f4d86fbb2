"""When the frames of a file were written: by its times, its numbers or as one says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lps_flows.analysis.trajectory import Array, TrajectoryError

# Å/fs. Hydrogen at 3000 K moves by 0.09, lithium by 0.03, and less between frames that
# are further apart.
_FASTEST = 0.3


def frame_times(
    told: Sequence[float | None],
    steps: Sequence[int | None],
    time_step: float | None,
    every: int,
) -> Array:
    """Return the time of each frame (fs).

    Parameters
    ----------
    told
        Time of each frame (fs), none where the file does not tell it.
    steps
        Step of the dynamics that each frame is of, none where it is not numbered.
    time_step, every
        As in `read_trajectory_file`.

    Raises
    ------
    TrajectoryError
        When times are no numbers or nothing tells them, or `every` contradicts the
        numbers of the file.
    """
    if time_step is None and None not in told:
        return _numbers(told)
    if time_step is None or not time_step > 0 or every < 1:
        raise TrajectoryError(
            "this file does not tell the time of its frames"
            if time_step is None
            else "time step and steps between frames must be positive",
            field="time_step",
            value=time_step,
            remedy="Give the time step in fs (--time-step 2), and the steps between "
            "two frames where each is not one (--every 10)",
        )
    if None in steps:
        return time_step * every * np.arange(len(steps), dtype=float)
    numbers = np.array(steps, dtype=float)
    apart = set(np.diff(numbers))
    if every > 1 and apart and apart != {every}:
        raise TrajectoryError(
            f"the file numbers its frames, {min(apart):g} steps apart",
            field="every",
            value=every,
            remedy="Leave it out",
        )
    return time_step * numbers


def _numbers(told: Sequence[float | None]) -> Array:
    try:
        return np.array(told, dtype=float)
    except (TypeError, ValueError):
        raise TrajectoryError(
            "the times of the frames are no numbers",
            field="time",
            value=told[0],
            remedy="Write them as numbers (fs), or give the time step (--time-step 2)",
        ) from None


def check_speed(positions: Array, times: Array) -> None:
    """Refuse times in which no atoms move so far: those of another unit.

    Parameters
    ----------
    positions
        Unwrapped positions (Å), shape (n_frames, n_atoms, 3).
    times
        Time of each frame (fs), shape (n_frames,).

    Raises
    ------
    TrajectoryError
        When half of all frames are reached at more than 0.3 Å/fs.
    """
    apart = np.diff(times)
    if not (apart > 0).any():  # whoever uses them will refuse them
        return
    moved = np.sqrt((np.diff(positions, axis=0) ** 2).sum(axis=2).mean(axis=1))
    speed = float(np.median(moved[apart > 0] / apart[apart > 0]))
    if speed > _FASTEST:
        raise TrajectoryError(
            f"atoms would move at {speed:.2g} Å/fs, far faster than heat moves them: "
            "these times look like ps",
            field="times",
            value=f"{np.median(apart):.3g} fs between frames",
            remedy="Give times or time step in fs (1 ps is 1000 fs), and the steps "
            "between two frames where each is not one (--every 10)",
        )
