"""Published conductivities and activation energies, with their citations."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

# The source whose own molecular dynamics Table 1 compares with.
PAPER = "10.1021/acs.chemmater.2c00267"


@dataclass(frozen=True)
class LiteratureValue:
    """One published number.

    Attributes
    ----------
    quantity
        'activation energy' or 'RT ionic conductivity'.
    phase
        Phase as the source names it.
    x
        Position on the composition line, None when off it.
    values
        The number, or the numbers of a published range or list.
    text
        The same as published.
    unit
        'eV' or 'mS/cm'.
    method
        How it was obtained.
    citation
        Source.
    """

    quantity: str
    phase: str
    x: float | None
    values: tuple[float, ...]
    text: str
    unit: str
    method: str
    citation: str

    @property
    def by_the_paper(self) -> bool:
        """True for the molecular dynamics of the paper itself."""
        return (
            self.method.startswith("AIMD")
            and self.method != "AIMD"
            and (PAPER in self.citation)
        )


@cache
def transport_literature() -> tuple[LiteratureValue, ...]:
    """Return the published conductivities and activation energies."""
    source = resources.files("lps_flows.analysis") / "data/transport_literature.csv"
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
    )


def literature_for(label: str, quantity: str) -> list[LiteratureValue]:
    """Return the published values of one phase.

    Parameters
    ----------
    label
        Name of the structure, e.g. 'beta-Li3PS4' or 'gc-Li42P16S61'. A phase matches
        when its name starts with the label, or with the label's formula without a
        Greek prefix.
    quantity
        'activation energy' or 'RT ionic conductivity'.
    """
    bare = re.sub(r"^(alpha|beta|gamma)-", "", label)

    def matches(phase: str) -> bool:
        first = re.split(r"[ (]", phase)[0]
        return first in (label, bare)

    return [
        value
        for value in transport_literature()
        if value.quantity == quantity and matches(value.phase)
    ]
