"""A progress bar that shows the validation error as it falls."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from lps_flows.potential.lockstep import Run
from lps_flows.potential.training_settings import TrainingSettings

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress


class Progress:
    """Progress of a training, or nothing when not shown.

    Parameters
    ----------
    settings
        For the number of iterations.
    energy_scale
        Turns the history into meV/atom (1/eV).
    show
        Whether to show the bar.
    """

    def __init__(
        self, settings: TrainingSettings, energy_scale: float, *, show: bool
    ) -> None:
        self._iterations, self._scale = settings.iterations, energy_scale
        self._bar: RichProgress | None = None
        self._show = show

    def __enter__(self) -> Progress:
        if self._show:
            from rich.progress import Progress as RichProgress  # noqa: PLC0415

            self._bar = RichProgress()
            self._bar.start()
            self._task = self._bar.add_task("training", total=self._iterations)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, runs: list[Run]) -> None:
        """Show how far the restarts are and the lowest validation error so far."""
        if self._bar is None or not any(run.history for run in runs):
            return
        errors = [
            1000.0 * np.sqrt(run.history[run.best_iteration][2]) / self._scale
            for run in runs
            if run.history
        ]
        self._bar.update(
            self._task,
            completed=max(len(run.history) - 1 for run in runs),
            description=f"validation RMSE {min(errors):.2f} meV/atom",
        )
