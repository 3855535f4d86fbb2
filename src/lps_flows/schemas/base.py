"""What every document in the store carries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from lps_flows.foundation import unmarked

SCHEMA_VERSION = "1.0"

_RECORDED_PACKAGES = ("lps-flows", "atomate2", "pymatgen", "ase", "torch", "numpy")


@cache
def code_versions() -> dict[str, str]:
    """Return the versions of the packages that shape a result, by package name."""
    found = {}
    for package in _RECORDED_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


class Stored(BaseModel):
    """Base of everything with a layout of its own: a field too many is an error."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def from_store(cls, stored: Mapping[str, Any]) -> Self:
        """Return what a store holds, as this class.

        Raises
        ------
        pydantic.ValidationError
            When it has another layout.
        """
        return cls.model_validate(unmarked(stored))


class Part(Stored):
    """Base of the parts that documents are made of, and that analyses return."""

    model_config = ConfigDict(frozen=True)


class Document(Stored):
    """Base of job outputs and builder documents."""

    schema_version: str = Field(
        SCHEMA_VERSION, description="Version of the layout of this document."
    )
    created_at: datetime = Field(
        default_factory=lambda: datetime.now(UTC),
        description="When this document was made (UTC).",
    )
    versions: dict[str, str] = Field(
        default_factory=lambda: dict(code_versions()),
        description="Versions of the code that wrote this document.",
    )
