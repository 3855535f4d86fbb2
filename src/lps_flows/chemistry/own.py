"""Crystals of a user's own: a neighbour of a library crystal, or a file."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pymatgen.core import Structure

from lps_flows.chemistry.bare import is_element
from lps_flows.chemistry.cells import substituted
from lps_flows.chemistry.crystal_files import read_crystal
from lps_flows.chemistry.library import crystal
from lps_flows.chemistry.orderings import Orderings, OrderSettings, orderings
from lps_flows.foundation import FrozenSettings


class OwnCrystal(FrozenSettings):
    """A crystal that the library does not hold: `like` another one, or from a `file`.

    Raises
    ------
    pydantic.ValidationError
        When neither or both are given.

    Examples
    --------
    >>> from lps_flows.chemistry import OwnCrystal
    >>> OwnCrystal(like="beta-Li3PS4", replace={"P": "As"}).structure().composition
    Composition('Li12 As4 S16')
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
    order: OrderSettings | None = Field(
        None,
        description="How sites of the file that are partly occupied are filled; none "
        "refuses them.",
    )

    @field_validator("replace")
    @classmethod
    def _elements(cls, value: dict[str, str]) -> dict[str, str]:
        for symbol in (*value, *value.values()):
            if not is_element(symbol):
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
        if self.order is not None and (self.file is None or self.replace):
            raise ValueError("`order` goes with a `file`, and not with `replace`")
        return self

    def structure(self) -> Structure:
        """Ordered cell of the crystal (Å); with `order` that of lowest Ewald energy.

        Raises
        ------
        OwnCrystalError
            When the file cannot be read, is disordered or contradicts itself.
        LpsFlowsError
            When the library has no such crystal, or an element to replace is not in
            it.
        """
        ordered = self._orderings
        return (self._cell if ordered is None else ordered.structures[0]).copy()

    @property
    def disordered(self) -> tuple[Structure, OrderSettings] | None:
        """The cell as the file has it, and how it is ordered; none when it is not."""
        return None if self.order is None else (self._cell.copy(), self.order)

    def recorded(self) -> str:
        """Return what its results depend on: the cell, or each that is relaxed."""
        ordered = self._orderings
        cells = [self._cell] if ordered is None else ordered.structures
        return "\n".join(cell.to(fmt="poscar") for cell in cells)

    # once: a file may change while the settings live
    @cached_property
    def _cell(self) -> Structure:
        cell = (
            crystal(self.like)
            if self.like is not None
            else read_crystal(Path(str(self.file)), ordered=self.order is None)
        )
        return substituted(cell, self.replace) if self.replace else cell

    @cached_property
    def _orderings(self) -> Orderings | None:
        return None if self.order is None else orderings(self._cell, self.order)
