"""Crystals of a user's own: a neighbour of a library crystal, or a file."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pymatgen.core import Element, Structure

from lps_flows.chemistry.cells import substituted
from lps_flows.chemistry.library import crystal
from lps_flows.foundation import FrozenSettings, LpsFlowsError

_READERS: dict[str, Literal["cif", "poscar"]] = {
    ".cif": "cif",
    ".vasp": "poscar",
    ".poscar": "poscar",
}


class OwnCrystalError(LpsFlowsError):
    """A crystal of one's own cannot be made or read."""


class OwnCrystal(FrozenSettings):
    """A crystal that the library does not hold: `like` another one, or from a `file`.

    Raises
    ------
    pydantic.ValidationError
        When neither or both are given.
    """

    like: str | None = Field(
        None, description="Key of the library crystal it is made from."
    )
    replace: dict[str, str] = Field(
        {},
        description="Elements put in place of others, for example {Li: Na}; the volume "
        "follows from tabulated radii.",
    )
    file: str | None = Field(
        None,
        description="CIF or POSCAR file (.cif, .vasp, .poscar); a relative path counts "
        "from the campaign file.",
    )

    @field_validator("replace")
    @classmethod
    def _elements(cls, value: dict[str, str]) -> dict[str, str]:
        for symbol in (*value, *value.values()):
            if not Element.is_valid_symbol(symbol):
                raise ValueError(f"{symbol!r} is no element")
        return value

    @field_validator("file")
    @classmethod
    def _beside_the_campaign_file(
        cls, value: str | None, info: ValidationInfo
    ) -> str | None:
        folder = (info.context or {}).get("folder")
        return value if value is None or folder is None else str(Path(folder, value))

    @model_validator(mode="after")
    def _one_origin(self) -> OwnCrystal:
        if (self.like is None) == (self.file is None):
            raise ValueError("give either `like`, a library crystal, or `file`")
        return self

    def structure(self) -> Structure:
        """Ordered cell of the crystal (Å).

        Raises
        ------
        LpsFlowsError
            When the file cannot be read or is disordered, the library has no such
            crystal, or an element to replace is not in it.
        """
        return self._cell.copy()

    @cached_property
    def _cell(self) -> Structure:
        # once: a file may change while the settings live
        found = crystal(self.like) if self.like is not None else self._read()
        return substituted(found, self.replace) if self.replace else found

    def _read(self) -> Structure:
        path = Path(str(self.file))
        try:
            reader = _READERS[path.suffix.lower()]
            found = Structure.from_str(path.read_text(encoding="utf-8"), fmt=reader)
        except KeyError:
            raise self._error("the ending names no format that is read") from None
        except (OSError, ValueError, IndexError, AssertionError) as error:
            raise self._error(f"the structure cannot be read: {error}") from error
        if not found.is_ordered:
            raise self._error("the structure is disordered")
        return found

    def _error(self, problem: str) -> OwnCrystalError:
        return OwnCrystalError(
            problem,
            field="own_crystals.file",
            value=self.file,
            remedy="Name an ordered structure in a .cif, .vasp or .poscar file",
        )
