"""What every document in the store carries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Self

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pymatgen.core import Structure

from lps_flows.foundation import LpsFlowsError, decodable, decode, unmarked
from lps_flows.schemas.damage import damaged

SCHEMA_VERSION = "1.0"

_LONGEST_NAME = 200
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


def _structure(stored: Any) -> Structure:
    if isinstance(stored, Structure):
        return stored
    try:
        structure = decode(stored)
        # some damage shows only here
        structure.as_dict()
        moments = structure.site_properties.get("magmom", ())
        moments = np.array([m for m in moments if m is not None], dtype=float)
    except LpsFlowsError:
        raise
    # whatever pymatgen raises over fields of other types
    except Exception as error:
        raise ValueError(f"no structure ({type(error).__name__})") from error
    if not isinstance(structure, Structure) or len(structure) == 0:
        raise ValueError("no structure")
    numbers = (structure.frac_coords, structure.lattice.matrix, moments)
    if not all(np.isfinite(each).all() for each in numbers) or structure.volume <= 0:
        raise ValueError(
            "its cell, positions or moments are not finite, or it has no volume"
        )
    if not all(isinstance(s.label, str) and s.label.isprintable() for s in structure):
        raise ValueError("a site is not named by text")
    return structure


StoredStructure = Annotated[Structure, BeforeValidator(_structure)]
"""A structure in a document: what a store returns for it passes through `decode`."""


class Stored(BaseModel):
    """Base of everything with a layout of its own: a field too many is an error."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Let documents name this class."""
        decodable(cls)

    @classmethod
    def from_store(cls, stored: Mapping[str, Any]) -> Self:
        """Return what a store holds, as this class.

        Raises
        ------
        DamagedDocumentError
            When it has another layout.
        """
        try:
            return cls.model_validate(unmarked(stored))
        # AttributeError: it is no table at all
        except (AttributeError, ValidationError) as error:
            field, name = _name_of(stored)
            raise damaged(name, f"a {cls.__name__}", error, field=field) from error


def _name_of(stored: Any) -> tuple[str, str]:
    """Return the field that names a document, and the name."""
    if isinstance(stored, Mapping):
        for field in ("structure_id", "run_uuid", "uuid", "key", "label", "_id"):
            if stored.get(field):
                return field, str(stored[field])[:_LONGEST_NAME]
    return "document", type(stored).__name__


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
