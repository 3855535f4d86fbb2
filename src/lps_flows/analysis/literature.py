"""Published numbers to set beside ours, with their citations."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lps_flows.chemistry import CompositionLine

# The study whose line and numbers this package sets beside a campaign's.
PAPER = "10.1021/acs.chemmater.2c00267"
_NOT_ITS_OWN = ("AIMD", "experiment", "other simulation")


@dataclass(frozen=True)
class LiteratureValue:
    """One published number.

    Attributes
    ----------
    quantity
        What was measured or computed, e.g. 'activation energy', 'RT ionic
        conductivity', 'energy above hull', 'miscibility gap'.
    phase
        Phase as the source names it.
    x
        Position on the composition line, None when off it.
    values
        The number, or the numbers of a published range or list.
    text
        The same as published.
    unit
        'eV', 'mS/cm', 'meV/atom'.
    method
        How it was obtained.
    citation
        Where the number was read.
    primary
        Identifier of the work that measured it; empty where that is not verified.
    """

    quantity: str
    phase: str
    x: float | None
    values: tuple[float, ...]
    text: str
    unit: str
    method: str
    citation: str
    primary: str = ""

    @property
    def by_the_paper(self) -> bool:
        """True for what the paper itself computed, not for what it quotes."""
        return PAPER in self.citation and self.method not in _NOT_ITS_OWN

    def concerns(self, label: str) -> bool:
        """Whether it was published of a structure.

        Parameters
        ----------
        label
            Name of the structure, e.g. 'beta-Li3PS4' or 'gc-Li42P16S61', with which
            the name of the phase begins. What is published of one polymorph, or of a
            formula alone, says nothing of another.
        """
        return re.split(r"[ (]", self.phase)[0] == label


@cache
def literature() -> tuple[LiteratureValue, ...]:
    """Return every published number the package carries."""
    source = resources.files("lps_flows.analysis") / "data/literature.csv"
    with source.open(encoding="utf-8") as file:
        return tuple(_value(row) for row in csv.DictReader(file))


def _value(row: dict[str, str]) -> LiteratureValue:
    numbers = re.findall(r"\d+\.?\d*(?:e-?\d+)?", row["value"])
    try:
        x: float | None = float(row["x"])
    except ValueError:
        x = None
    return LiteratureValue(
        quantity=row["quantity"],
        phase=row["phase"],
        x=x,
        values=tuple(float(number) for number in numbers),
        text=row["value"],
        unit=row["unit"],
        method=row["method"],
        citation=row["citation"],
        primary=row["primary"],
    )


def literature_for(label: str, quantity: str) -> list[LiteratureValue]:
    """Return the published values of one structure, see `LiteratureValue.concerns`."""
    return [v for v in literature() if v.quantity == quantity and v.concerns(label)]


def of_the_paper(quantity: str) -> list[LiteratureValue]:
    """Return what the paper itself found of a quantity, in the order of its text."""
    return [v for v in literature() if v.quantity == quantity and v.by_the_paper]


def paper_value(label: str, quantity: str) -> float | None:
    """Return the paper's own number for a structure, None where it gives none."""
    values = (v for v in of_the_paper(quantity) if v.phase.split(" ")[0] == label)
    return next((value.values[0] for value in values), None)


def paper_citation() -> str:
    """Return the citation of the paper."""
    return next(value.citation for value in literature() if value.by_the_paper)


def is_papers_line(end_members: Sequence[str]) -> bool:
    """Whether a composition line is the paper's, so that its numbers mean anything."""
    return tuple(end_members) == CompositionLine().end_members
