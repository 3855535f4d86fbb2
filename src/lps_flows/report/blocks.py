"""What a section of the report is made of."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeVar

import plotly.graph_objects as go

from lps_flows.foundation import printable
from lps_flows.foundation.writing import file_name

_MOST_ROWS = 14
_FEW_CELLS = 20
_LONG_CELL = 18
# what a spreadsheet takes for a formula, and numbers and dashes that look so
_FORMULAS = tuple("=+-@")
_NUMBER = re.compile(r"-|[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")

Status = Literal["done", "partial", "missing"]
Foldable = bool | Literal["narrow"]


@dataclass(frozen=True)
class Note:
    """A paragraph of text."""

    text: str
    tone: Literal["plain", "warning"] = "plain"

    kind = "note"


@dataclass(frozen=True)
class Listing:
    """Text to read as it is, folded away."""

    name: str
    title: str
    text: str

    kind = "listing"


@dataclass(frozen=True)
class Terms:
    """Words that a section uses, each explained; folded away."""

    words: Mapping[str, str]

    kind = "terms"


@dataclass(frozen=True)
class StructureLink:
    """A table cell that shows a structure in the viewer."""

    structure_id: str
    text: str


Cell = str | StructureLink
Item = TypeVar("Item")


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    header
        Titles of the columns, with units.
    rows
        Cells; numbers come formatted.
    caption
        What it shows, by which method, over how many structures.
    foldable
        Whether the page folds it away when it is long; "narrow": on a narrow screen
        only.
    detail
        Whether the summary leaves it to the page, which folds it away.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str
    foldable: Foldable = True
    detail: bool = False

    kind = "table"

    @classmethod
    def of(
        cls,
        items: Iterable[Item],
        columns: Mapping[str, Callable[[Item], Cell]],
        caption: str,
        *,
        foldable: Foldable = True,
        detail: bool = False,
    ) -> Self:
        """Return a table with one row per item.

        Parameters
        ----------
        columns
            Title of every column, and the cell of an item in it.

        Examples
        --------
        >>> Table.of([1, 2], {"n": str, "twice": lambda n: str(2 * n)}, "Doubles").rows
        [('1', '2'), ('2', '4')]
        """
        rows = [tuple(cell(item) for cell in columns.values()) for item in items]
        return cls(tuple(columns), rows, caption, foldable, detail)

    @property
    def folded(self) -> bool:
        """Whether it opens with a click only."""
        long = self.detail or len(self.rows) > _MOST_ROWS
        return self.foldable is True and long

    @property
    def short(self) -> bool:
        """Whether it can stand open on a narrow screen, too."""
        few = len(self.rows) * len(self.header) <= _FEW_CELLS
        return not self.foldable or (few and not self.folded)

    @property
    def wordy(self) -> bool:
        """Whether it holds sentences; a narrow screen then shows a row as a list."""
        texts = (c for row in self.rows for c in row if isinstance(c, str))
        return any(len(text) > _LONG_CELL and " " in text for text in texts)

    @property
    def numeric(self) -> list[bool]:
        """Whether a column holds numbers, and is set to the right."""
        return [
            bool(self.rows) and all(_is_number(row[column]) for row in self.rows)
            for column in range(len(self.header))
        ]


@dataclass(frozen=True)
class Chart:
    """A figure: interactive on the page, printed in the summary.

    Attributes
    ----------
    caption
        What it shows, by which method, over how many structures.
    printed
        Names of the figures for print that show the same, see
        `lps_flows.plotting.write_figures`.
    height
        Height on the page (px).
    choices
        What a menu above it offers: a name, and which traces it shows.
    choose
        What is chosen there, for example "pair".
    fold
        Title under which a narrow screen folds it away; empty: it stays open.
    """

    chart_id: str
    figure: go.Figure
    caption: str
    printed: Sequence[str] = ()
    height: int = 440
    choices: Sequence[tuple[str, Sequence[bool]]] = ()
    choose: str = ""
    fold: str = ""

    kind = "chart"


@dataclass(frozen=True)
class Download:
    """A file that travels inside the page; what documents say makes no path of it."""

    name: str
    mime: str
    content: bytes
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", file_name(self.name))

    @classmethod
    def csv(
        cls,
        name: str,
        items: Iterable[Item],
        columns: Mapping[str, Callable[[Item], object]],
        text: str,
    ) -> Self:
        """Return a table as CSV with one header line; what is None stays empty.

        Parameters
        ----------
        columns
            Name of every column, and the cell of an item in it; numbers are rounded to
            six decimals, `significant` keeps the digits of small ones.
        """
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            [_spreadsheet(cell(item)) for cell in columns.values()] for item in items
        )
        return cls(name, "text/csv", stream.getvalue().encode(), f"{text}, CSV")


def _spreadsheet(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula."""
    shown = _rounded(value)
    if not isinstance(shown, str):
        return shown
    text = printable(shown)
    formula = text.startswith(_FORMULAS) and not _NUMBER.fullmatch(text)
    return f"'{text}" if formula else text


def _rounded(cell: object) -> object:
    if isinstance(cell, float):
        return round(cell, 6)
    return "" if cell is None else cell


Block = Note | Table | Chart | Listing | Terms


@dataclass(frozen=True)
class Section:
    """One section of the report.

    A section without blocks has not run; `missing` says what would fill it.
    """

    section_id: str
    title: str
    blocks: Sequence[Block] = ()
    missing: str = ""
    status: Status = "done"

    @property
    def shown_status(self) -> Status:
        """'missing' when there is nothing in it."""
        return self.status if self.blocks else "missing"


def number(value: float | None, digits: int) -> str:
    """Return a number as a cell, a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def significant(value: float | None) -> str | None:
    """Return a number with six digits however small it is; None where there is none.

    Examples
    --------
    >>> significant(4.23456789e-7)
    '4.23457e-07'
    """
    return None if value is None else f"{value:.6g}"


def _is_number(cell: Cell) -> bool:
    if isinstance(cell, StructureLink):
        return False
    text = cell.strip().replace(",", "")
    if text in {"", "-"}:
        return True
    try:
        float(text.split(" ± ")[0])
    except ValueError:
        return False
    return True
