"""What lies in a folder of published data, and how it is shown as text."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1]
DATA = DOCS / "data" / "map"

Row = dict[str, str]
ABOVE = "energy_above_hull (meV/atom)"
FORMATION = "formation_energy_per_atom (meV/atom)"

MOTIFS = ("PS4", "P2S7", "P2S6_edge", "P2S6_PP", "chain", "PS3", "other")
SAME_X = 0.002
"""Up to here two positions on the line are the same."""
BINS = ((0.0, 0.5), (0.5, 0.667), (0.667, 0.75), (0.75, 0.875), (0.875, 1.0))


@dataclass(frozen=True)
class Published:
    """What lies in the folder; a table that is not there is empty."""

    folder: Path
    facts: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Published:
        """Read the folder of `docs/publish.py`."""
        text = (folder / "campaign.json").read_text(encoding="utf-8")
        return cls(folder, json.loads(text))

    def table(self, name: str) -> list[Row]:
        """Return the rows of a table."""
        file = self.folder / f"{name}.csv"
        if not file.exists():
            return []
        with file.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def setting(self, *path: str) -> Any:
        """Return a value of the campaign file, None where it has none."""
        value: Any = self.facts["settings"]
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    @property
    def crystals(self) -> list[Row]:
        """Crystals on the line, lowest of each."""
        return [row for row in self.table("hull") if row["source"] == "crystal"]

    def on_line(self, name: str) -> tuple[list[Row], list[Row]]:
        """Return the rows of glass-ceramics and of crystals of a table, on the line.

        Such a table has a row for every composition from every parent; a crystal is its
        own parent.
        """
        own = {(row["formula"], row["parent"]) for row in self.crystals}
        sides: tuple[list[Row], list[Row]] = ([], [])
        for row in self.table(name):
            if row["x"]:
                sides[(row["formula_pretty"], row["parent"]) in own].append(row)
        return sides

    @property
    def glasses(self) -> list[Row]:
        """The lowest glass-ceramic structure of every composition."""
        return [row for row in self.table("hull") if row["label"].startswith("gc-")]


def within(start: float, end: float) -> tuple[float, float]:
    """Return the x from and to which all lies inside a stretch, not at its ends."""
    return start + 2 * SAME_X, end - 2 * SAME_X


def formulas(rows: Iterable[Row]) -> set[str]:
    """Return the compositions of some rows, each once."""
    return {row["formula_pretty"] for row in rows}


def number(text: str | float | None, digits: int = 1) -> str:
    """Return a number as a cell, 'missing' where there is none."""
    if text in ("", None):
        return "missing"
    return f"{float(text):.{digits}f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(str(c).replace("|", r"\|") for c in line) + " |"
        for line in lines
    )


def span(values: Sequence[float], digits: int = 1) -> str:
    """Return the range of some numbers."""
    if not values:
        return "missing"
    ends = dict.fromkeys(f"{v:.{digits}f}" for v in (min(values), max(values)))
    return " to ".join(ends)


def picture(data: Published, name: str) -> str:
    """Return a figure with its caption, or why there is none."""
    if name in data.facts["figures"]:
        file = os.path.relpath(data.folder / "figures" / f"{name}.png", DOCS)
        return f"![{name}]({file})\n\n{data.facts['figures'][name]}"
    why = data.facts["missing_figures"].get(name, "not asked for")
    return f"No figure: {why}."
