"""The LaunchPad as campaigns use it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from fireworks import FWAction, LaunchPad


class CampaignLaunchPad(LaunchPad):
    """A LaunchPad that writes a failure down without what the job was given.

    FireWorks stores a failed job with its references resolved, once more in every child
    that may run all the same. The labels that a potential is trained on are more than a
    document can hold, and the writing would fail in turn.
    """

    @classmethod
    def at(cls, settings: Mapping[str, Any]) -> CampaignLaunchPad:
        """Make it of the content of a ``my_launchpad.yaml``; other keys are ignored."""
        known = inspect.signature(LaunchPad).parameters
        return cls(**{key: value for key, value in settings.items() if key in known})

    def complete_launch(
        self, launch_id: int, action: FWAction | None = None, state: str = "COMPLETED"
    ) -> Any:
        """Write down how a launch ended, see `LaunchPad.complete_launch`."""
        if action is not None:
            action.stored_data.pop("_task", None)
        return super().complete_launch(launch_id, action, state)
