"""Colours, marks and names: one table for print and page."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lps_flows
from lps_flows.appearance import (
    BLUE,
    MOTIF_TITLES,
    WINE,
    motif_name,
    motif_title,
    nth_style,
    pretty,
    pretty_html,
    style_of,
    styles,
    temperature_colour,
)

SOURCE = Path(lps_flows.__file__).parent


def test_a_crystal_looks_the_same_whatever_else_is_shown() -> None:
    few, many = styles(["Li7P3S11"]), styles(["zz", "beta-Li3PS4", "Li7P3S11", None])
    assert few["Li7P3S11"] == many["Li7P3S11"]
    assert len(set(many.values())) == 4
    assert style_of(None, many) == many["no parent"]
    assert style_of("never heard of", many) not in many.values()


def test_looks_repeat_only_after_dozens() -> None:
    assert len({nth_style(k) for k in range(40)}) == 40


def test_temperatures_run_from_blue_to_red() -> None:
    assert temperature_colour(100.0) == temperature_colour(300.0) == BLUE
    assert temperature_colour(2000.0) == temperature_colour(1500.0) == WINE
    assert len({temperature_colour(t) for t in (700.0, 900.0, 1200.0, 1500.0)}) == 4


def test_formulas_are_written_with_subscripts() -> None:
    assert pretty("beta-Li3PS4") == "β-Li$_{3}$PS$_{4}$"
    assert pretty("LT-Li7PS6") == "LT-Li$_{7}$PS$_{6}$"
    assert pretty(MOTIF_TITLES["P2S7"]) == "P$_{2}$S$_{7}$$^{4-}$ corner-sharing"
    assert pretty_html("PS4^3-") == "PS<sub>4</sub><sup>3-</sup>"
    assert "<img" not in pretty_html("<img src=x>")


def test_motifs_are_those_of_the_lines_own_elements() -> None:
    names = [motif_title(motif, "Si", "S") for motif in MOTIF_TITLES]
    assert names[:4] == [
        "SiS4 tetrahedra",
        "Si2S7 corner-sharing",
        "Si2S6 edge-sharing",
        "Si2S6 with Si-Si bond",
    ]
    assert motif_name("P2S6_PP", "P, Ge", "S") == "M2S6 M-M"


@pytest.mark.parametrize(
    ("room", "foreign"),
    [
        ("plotting", {"plotly"}),
        ("report/charts", {"matplotlib"}),
        ("report/sections", {"matplotlib"}),
        ("appearance.py", {"matplotlib", "plotly"}),
    ],
)
def test_one_library_per_medium(room: str, foreign: set[str]) -> None:
    place = SOURCE / room
    files = [place] if place.suffix else sorted(place.rglob("*.py"))
    assert files
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {
            name.split(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert not imported & foreign, file
