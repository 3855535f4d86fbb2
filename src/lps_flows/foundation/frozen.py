"""The base of every settings object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from lps_flows.foundation.decoding import decodable, unmarked


class FrozenSettings(BaseModel):
    """Settings that cannot change after validation and refuse unknown keys.

    Each room defines its own subclass beside the code it steers; the campaign file
    is composed of them. A misspelt key is an error, never silently ignored.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Let documents name these settings."""
        decodable(cls)

    # Makers hold settings as fields, and monty writes a Maker's fields by `as_dict`;
    # without it, FireWorks would get the settings as text.

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-safe dictionary that monty's decoder turns back."""
        return {
            "@module": type(self).__module__,
            "@class": type(self).__name__,
            **self.model_dump(mode="json"),
        }

    @classmethod
    def from_dict(cls, dictionary: Mapping[str, Any]) -> Self:
        """Return the settings that `as_dict` wrote."""
        return cls.model_validate(unmarked(dictionary))
