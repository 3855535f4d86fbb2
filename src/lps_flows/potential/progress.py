"""A progress bar that shows the validation error as it falls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from rich.progress import Progress

from lps_flows.potential.lockstep import Run


@contextmanager
def training_bar(
    iterations: int, energy_scale: float, *, show: bool
) -> Iterator[Callable[[list[Run]], None] | None]:
    """Give what shows how far the restarts of a training are, None when not shown.

    `energy_scale` (1/eV) turns their history into meV/atom.
    """
    if not show:
        yield None
        return
    with Progress() as bar:
        task = bar.add_task("training", total=iterations)

        def update(runs: list[Run]) -> None:
            begun = [run for run in runs if run.history]
            if begun:
                lowest = min(run.history[run.best_iteration][2] for run in begun)
                rmse = 1000.0 * np.sqrt(lowest) / energy_scale
                bar.update(
                    task,
                    completed=max(len(run.history) - 1 for run in begun),
                    description=f"validation RMSE {rmse:.2f} meV/atom",
                )

        yield update
