"""The report's content as Markdown: what came out, and what has not run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lps_flows.foundation import printable
from lps_flows.report.blocks import Block, Cell, Chart, Note, Section, Table, Terms
from lps_flows.report.content import ReportContent


def render_markdown(
    content: ReportContent,
    pictures: Mapping[str, str] | None = None,
    missing: Mapping[str, str] | None = None,
) -> str:
    """Return the summary of a campaign: the blocks of the page but for the details."""
    waiting = dict(pictures or {})
    code = ", ".join(f"{name} {number}" for name, number in content.versions.items())
    written = f"Written {content.written}" + (
        f" from documents of {code}" if code else ""
    )
    parts = [f"# {_plain(content.campaign)}", _plain(f"{content.energies} {written}.")]
    for section in content.sections:
        parts.append(f"## {section.title}")
        parts += _section(section, waiting)
    if waiting or missing:
        parts.append("## Figures")
        parts += [_picture(name, file) for name, file in waiting.items()]
        reasons = (missing or {}).items()
        parts += [f"- {name}: not made, {_plain(why)}." for name, why in reasons]
    return "\n\n".join(parts) + "\n"


def _section(section: Section, waiting: dict[str, str]) -> list[str]:
    """Return the blocks of a section; its pictures are taken from those waiting."""
    if not section.blocks:
        return [f"_{_plain(section.missing) or 'This stage has not run yet.'}_"]
    return [text for block in section.blocks if (text := _block(block, waiting))]


def _block(block: Block, waiting: dict[str, str]) -> str:
    if isinstance(block, Note):
        return _plain(block.text)
    if isinstance(block, Terms):
        return " ".join(
            f"*{word}*: {_plain(text)}" for word, text in block.words.items()
        )
    if isinstance(block, Table):
        return "" if block.detail else f"{_plain(block.caption)}\n\n{_table(block)}"
    if isinstance(block, Chart):
        names = [name for name in block.printed if name in waiting]
        shown = [_picture(name, waiting.pop(name)) for name in names]
        return "\n\n".join([*shown, _plain(block.caption)] if shown else [])
    return ""


def _picture(name: str, file: str) -> str:
    return f"![{name}]({file})"


def _table(table: Table) -> str:
    lines: list[Sequence[Cell]] = [table.header, ["---"] * len(table.header)]
    return "\n".join(
        "| " + " | ".join(_cell(cell) for cell in line) + " |"
        for line in [*lines, *table.rows]
    )


def _cell(cell: Cell) -> str:
    text = cell if isinstance(cell, str) else cell.text
    return " ".join(_plain(text).replace("|", r"\|").split())


def _plain(text: str) -> str:
    """Return text that no viewer of Markdown takes for a tag, link, picture or code."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", printable(text))
    # a link needs the bracket that ends its text, a heading or list the line's start
    text = re.sub(r"([`]|\](?=[(\[:]))", r"\\\1", text)
    return re.sub(r"^(\s*)([#>+*-]|\d+[.)])(?=\s)", r"\1\\\2", text, flags=re.MULTILINE)
