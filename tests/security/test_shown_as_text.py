"""What a campaign or a document names reaches every medium as text."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from lps_flows.appearance import pretty
from lps_flows.cli.application import PlainConsole
from lps_flows.cli.progress import stage_table
from lps_flows.plotting.captions import density_name
from lps_flows.report.blocks import Download
from lps_flows.report.markdown import _cell, _plain
from lps_flows.runner.progress import Progress, StageProgress

FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "=", "--1")
NUMBERS = ("-0.25", "+1.5e-3", "-", "", "Li2S", "2026-01-01", "gc-0.72", -3, 1.5, None)


@pytest.mark.parametrize("value", FORMULAS)
def test_no_formula_in_a_table(value: str) -> None:
    file = Download.csv("a.csv", [value], {"label": str}, "labels")
    (cell,) = list(csv.reader(io.StringIO(file.content.decode(), newline="")))[1]
    assert cell == f"'{value}"


@pytest.mark.parametrize("value", ["\t=1", "\r=1", "\x1b=1", "a\r=1"])
def test_no_cell_of_a_table_steers(value: str) -> None:
    file = Download.csv("a.csv", [value], {"label": str}, "labels")
    assert file.content.decode().splitlines()[1] == repr(value)[1:-1]


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers_stay_numbers(value: object) -> None:
    file = Download.csv("a.csv", [value], {"label": lambda one: one}, "labels")
    (cell,) = list(csv.reader(io.StringIO(file.content.decode()), strict=True))[1]
    assert cell == ("" if value is None else str(value))


STEERING = "a\x1b]0;owned\x07\x1b[2J\u202eb\x9b31m [red]x[/red] :smile:"


def printed(*things: object) -> str:
    stream = io.StringIO()
    PlainConsole(file=stream, force_terminal=True, width=200, color_system=None).print(
        *things
    )
    return stream.getvalue()


def test_the_terminal_is_not_steered() -> None:
    state = Progress("c", (StageProgress(STEERING, completed=1),))
    for shown in (printed(STEERING), printed(stage_table(state))):
        assert all(c.isprintable() or c == "\n" for c in shown)
        assert "[red]x[/red] :smile:" in shown


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("<img src=x>", "&lt;img src=x>"),
        ("[a](javascript:alert(1))", r"[a\](javascript:alert(1))"),
        ("![a](http://example.org/a.png)", r"![a\](http://example.org/a.png)"),
        ("[a]: http://example.org", r"[a\]: http://example.org"),
        ("`x`", r"\`x\`"),
        ("# title", r"\# title"),
        ("a\n- item", "a\n\\- item"),
        ("x = 0.5 [eV], -0.25", "x = 0.5 [eV], -0.25"),
        ("\x1b[2J", r"\x1b[2J"),
    ],
)
def test_markdown_stays_text(told: str, shown: str) -> None:
    assert _plain(told) == shown


def test_a_cell_of_markdown_ends_no_row() -> None:
    assert _cell("a | b\n| c") == r"a \| b \| c"


@pytest.mark.parametrize("name", ["../../x.csv", "/etc/passwd", "a/../b", "..", ""])
def test_a_download_is_no_path(name: str, tmp_path: Path) -> None:
    file = Download(name, "text/csv", b"", "x")
    assert (tmp_path / file.name).resolve().parent == tmp_path.resolve()


@pytest.mark.parametrize("name", [r"a$\foo$b", "$x$", "a$", r"\$", "Li2S$^{"])
def test_a_name_is_no_formula(name: str) -> None:
    figure = Figure()
    figure.suptitle(pretty(name))
    figure.savefig(io.BytesIO())


@pytest.mark.parametrize("label", ["../../x", "a/b\0c", "x\ny", "-rf", "\u202ea" * 99])
def test_a_label_makes_no_path(label: str) -> None:
    name = f"CHGCAR_{density_name(label, 900.0)}"
    assert name.isprintable()
    assert "/" not in name
    assert len(name) < 120
