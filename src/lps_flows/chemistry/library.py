"""The crystal library: published structures and models, with where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, field_validator, model_validator
from pymatgen.core import Composition, Lattice, Structure

from lps_flows.chemistry.bare import implausible, is_element
from lps_flows.chemistry.line import CompositionLine
from lps_flows.chemistry.space_group import from_space_group
from lps_flows.foundation import FrozenSettings, LpsFlowsError


class UnknownCrystalError(LpsFlowsError):
    """No crystal of that key is in the library."""


class DisorderedCrystalError(LpsFlowsError):
    """A listed crystal has no ordered structure of its own."""


class InconsistentCrystalError(LpsFlowsError):
    """A library entry whose sites do not make the crystal it states."""


class Citation(FrozenSettings):
    """Where a fact was published."""

    authors: str = Field(description="Authors as they are to be cited.")
    journal: str = Field(description="Journal, volume and pages.")
    year: int = Field(description="Year of publication.")
    doi: str | None = Field(None, description="Digital object identifier.")

    def __str__(self) -> str:
        first = self.authors.split(",")[0]
        return f"{first} et al., {self.journal} ({self.year}), {self.doi}"


class CrystalSite(FrozenSettings):
    """One site of the asymmetric unit."""

    element: str = Field(description="Chemical symbol, without an oxidation state.")
    wyckoff: str = Field(description="Wyckoff position in the conventional setting.")
    xyz: tuple[float, float, float] = Field(description="Fractional coordinates.")
    occupancy: float = Field(1.0, gt=0, le=1, description="Occupancy of the site.")

    @field_validator("element")
    @classmethod
    def _known(cls, value: str) -> str:
        if not is_element(value):
            raise ValueError(f"{value!r} is no element")
        return value


class CrystalChecks(FrozenSettings):
    """Numbers against which the built structure is tested."""

    composition: str = Field(description="Composition, up to a common factor.")
    density: float = Field(gt=0, description="Density (g/cm^3).")
    space_group_number: int = Field(description="Space group found at 0.01 Å.")
    shortest_distances: dict[str, float] = Field(
        description="Shortest distance (Å) of each pair of elements, 'Li-S'."
    )


class CrystalEntry(FrozenSettings):
    """One phase or model of the library.

    Examples
    --------
    >>> from lps_flows.chemistry import entry
    >>> beta = entry("beta-Li3PS4")
    >>> beta.space_group, beta.x(), beta.citations[0].year
    ('Pnma', 0.75, 2013)
    """

    key: str = Field(description="Name by which `crystal` finds it.")
    aliases: tuple[str, ...] = Field((), description="Other names it answers to.")
    formula: str = Field(description="Formula.")
    space_group: str = Field(description="Space group symbol.")
    space_group_number: int = Field(ge=1, le=230, description="Space group number.")
    n_atoms: int | None = Field(None, description="Atoms in the conventional cell.")
    lattice: tuple[float, float, float, float, float, float] = Field(
        description="a, b, c (Å), alpha, beta, gamma (degrees) of that cell."
    )
    sites: tuple[CrystalSite, ...] = Field((), description="Asymmetric unit.")
    disordered: bool = Field(
        False, description="True when occupancies or coordinates are incomplete."
    )
    ordered_alternative: str | None = Field(
        None, description="Key of the ordered structure to use instead."
    )
    citations: tuple[Citation, ...] = Field(description="Where it was published.")
    confidence: str = Field(description="How far the coordinates can be trusted.")
    provenance: str = Field(description="How the numbers came here.")
    attribution: str | None = Field(None, description="Attribution a licence asks for.")
    note: str | None = Field(None, description="Anything else worth knowing.")
    checks: CrystalChecks | None = Field(None, description="Numbers it is tested on.")

    @model_validator(mode="after")
    def _buildable(self) -> CrystalEntry:
        if self.disordered and self.ordered_alternative is None:
            msg = f"{self.key}: a disordered entry names an ordered_alternative"
            raise ValueError(msg)
        if not self.disordered and not self.sites:
            msg = f"{self.key}: an ordered entry needs sites"
            raise ValueError(msg)
        if not self.disordered and any(site.occupancy < 1 for site in self.sites):
            msg = f"{self.key}: sites are partly occupied, so it is disordered"
            raise ValueError(msg)
        return self

    @property
    def measured(self) -> bool:
        """Whether cell and coordinates are those of a diffraction experiment."""
        refined = self.confidence.startswith("experimental refinement")
        return refined and not self.disordered

    def x(self, line: CompositionLine | None = None) -> float | None:
        """Position on a composition line (Li2S-P2S5 unless given), None off it."""
        line = line or CompositionLine()
        composition = Composition(self.formula)
        return line.position(composition)

    def structure(self) -> Structure:
        """Conventional cell of the entry.

        Raises
        ------
        DisorderedCrystalError
            When the entry is listed for the record only.
        InconsistentCrystalError
            When its sites make another formula or number of atoms, or atoms overlap.
        """
        if self.disordered:
            raise DisorderedCrystalError(
                "this entry is disordered or incomplete and has no structure",
                field="crystal",
                value=self.key,
                remedy=f"Use {self.ordered_alternative!r}, its ordered model",
            )
        structure = from_space_group(
            self.space_group_number,
            Lattice.from_parameters(*self.lattice),
            [site.element for site in self.sites],
            [site.xyz for site in self.sites],
            # Special positions are rounded to five decimals in the sources.
            tolerance=1e-3,
        )
        problem = implausible(structure)
        if Composition(self.formula).reduced_formula != structure.reduced_formula:
            problem = f"its sites make {structure.formula}, not {self.formula}"
        elif self.n_atoms not in (None, len(structure)):
            problem = f"its sites make {len(structure)} atoms, not {self.n_atoms}"
        if problem is not None:
            raise InconsistentCrystalError(
                problem,
                field="crystal",
                value=self.key,
                remedy="Compare its sites with the source: coordinates of special "
                "positions need four decimals",
            )
        return structure


def crystals(library: str | Path | None = None) -> list[CrystalEntry]:
    """All entries of the crystal library, in the order of the file.

    Parameters
    ----------
    library
        Path of a YAML file of the same layout, for another system; the package's
        own library when None.

    Examples
    --------
    >>> from lps_flows.chemistry import crystals
    >>> [entry.key for entry in crystals() if entry.formula == "Li7P3S11"]
    ['Li7P3S11', 'Li7P3S11_xas-tools']
    """
    return list(_load(None if library is None else str(library)).values())


def entry(key: str, library: str | Path | None = None) -> CrystalEntry:
    """Find the library entry of a key or alias.

    Raises
    ------
    UnknownCrystalError
        When there is none; the message lists close matches.

    Examples
    --------
    >>> from lps_flows.chemistry import entry
    >>> entry("Li7PS6").key
    'LT-Li7PS6'
    """
    entries = _load(None if library is None else str(library))
    names = {
        name: candidate
        for candidate in entries.values()
        for name in (candidate.key, *candidate.aliases)
    }
    if key not in names:
        close = get_close_matches(str(key), names, n=4, cutoff=0.4) or sorted(entries)
        raise UnknownCrystalError(
            "the crystal library has no such key",
            field="crystal",
            value=key,
            remedy=f"Did you mean {', '.join(close)}? `lps-flows crystals` lists all",
        )
    return names[key]


def crystal(key: str, library: str | Path | None = None) -> Structure:
    """Ordered conventional cell (Å) of a library crystal, by key or alias.

    Raises
    ------
    UnknownCrystalError
        When the library, see `crystals`, has no such key.
    DisorderedCrystalError
        When the entry is listed for the record only.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> crystal("gamma-Li3PS4").composition
    Composition('Li6 P2 S8')
    """
    key = entry(key, library).key
    return _built(key, None if library is None else str(library)).copy()


@cache
def _built(key: str, library: str | None) -> Structure:
    return _load(library)[key].structure()


@cache
def _load(library: str | None) -> dict[str, CrystalEntry]:
    source: Any = (
        files("lps_flows.chemistry") / "data" / "crystals.yaml"
        if library is None
        else Path(library)
    )
    content: dict[str, Sequence[dict[str, Any]]] = yaml.load(
        source.read_text(encoding="utf-8"),
        Loader=_Loader,  # noqa: S506 - both candidates are safe loaders
    )
    return {item["key"]: CrystalEntry(**item) for item in content["entries"]}


# The C loader is ten times faster on the 1,500 lines of the library.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
