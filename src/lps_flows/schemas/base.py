"""What every document in the store carries."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from monty.json import jsanitize
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pymatgen.core import Structure

from lps_flows.foundation import LpsFlowsError, decodable, decode, unmarked
from lps_flows.schemas.damage import damaged
from lps_flows.schemas.layout import RENAMED, SCHEMA_VERSION, stored_names

_LONGEST_NAME = 200
_RECORDED_PACKAGES = ("lps-flows", "atomate2", "pymatgen", "ase", "torch", "numpy")


@cache
def code_versions() -> dict[str, str]:
    """Return the versions of the packages that shape a result, by package name."""
    versions = {}
    for package in _RECORDED_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _as_emmet(versions: dict[str, str]) -> dict[str, str]:
    """Name the version of a package as emmet does, 'pymatgen_version'."""
    packages = {name.removesuffix("_version"): name for name in versions}
    return {
        f"{package.replace('-', '_')}_version": versions[name]
        for package, name in packages.items()
    }


def _structure(stored: Any) -> Structure:
    if isinstance(stored, Structure):
        return stored
    try:
        structure = decode(stored)
        for species in {part for site in structure for part in site.species}:
            species.as_dict()  # some damage shows only here
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


StoredStructure = Annotated[
    Structure,
    BeforeValidator(_structure),
    PlainSerializer(
        lambda it: jsanitize(it.as_dict()), return_type=dict, when_used="json"
    ),
]
"""A structure in a document: what a store returns for it passes through `decode`."""


class Stored(BaseModel):
    """Base of everything with a layout of its own: a field too many is an error."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, stored: Any) -> Any:
        return cls.renamed(stored) if isinstance(stored, Mapping) else stored

    @classmethod
    def renamed(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a version before stored under today's names."""
        here = cls.model_fields.keys()
        old = {
            name
            for name in RENAMED.keys() & stored.keys()
            if name not in here and RENAMED[name] in here
        }
        if not old:
            return dict(stored)
        now = {RENAMED[k] if k in old else k: value for k, value in stored.items()}
        if "schema_version" in now:
            now["schema_version"] = SCHEMA_VERSION
        return now

    @classmethod
    def stored_names(cls) -> list[str]:
        """Return the names under which a store may hold the fields."""
        return stored_names(cls.model_fields)

    if not TYPE_CHECKING:  # where old names are errors

        def __getattr__(self, name: str) -> Any:
            """Read a field under its name of a version before."""
            new = RENAMED.get(name)
            if new is None or new not in type(self).model_fields:
                return super().__getattr__(name)
            warnings.warn(f"{name} is now {new}", DeprecationWarning, stacklevel=2)
            return getattr(self, new)

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
            own = unmarked(stored)
            if "last_updated" not in cls.model_fields:  # maggma's
                own.pop("last_updated", None)
            return cls.model_validate(own)
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
    last_updated: datetime = Field(
        default_factory=lambda: datetime.now(UTC),
        description="When this document was made (UTC).",
    )
    builder_meta: Annotated[dict[str, str], AfterValidator(_as_emmet)] = Field(
        default_factory=code_versions,
        validate_default=True,
        description="Versions of the code that wrote this document, "
        "'pymatgen_version' and so on.",
    )


class CalculationDocument(Document):
    """Base of job outputs that rest on calculations of the job's own."""

    device: str | None = Field(
        None,
        description="Device that computed, 'cpu' or 'cuda'; none for methods that know "
        "no other, and in documents of before.",
    )
