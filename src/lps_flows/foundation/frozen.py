"""The base of every settings object."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class FrozenSettings(BaseModel):
    """Settings that cannot change after validation and refuse unknown keys.

    Each room defines its own subclass beside the code it steers; the campaign file
    is composed of them. A misspelt key is an error, never silently ignored.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )
