"""What every document in the store carries."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel, ConfigDict, Field

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


class Document(BaseModel):
    """Base of job outputs and builder documents."""

    model_config = ConfigDict(extra="forbid")

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
