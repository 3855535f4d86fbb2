"""Motifs and RDFs of DFT dynamics at 520 K: Li7P3S11 less one Li in its cell.

The frames (Park et al., Materials Cloud 2022.45) are not part of this repository. Set
LPS_FLOWS_EXTERNAL_DATA to the folder that holds ``lips_devset``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ase import Atoms
from ase.io import read

from lps_flows.analysis import MOTIFS, analyse_motifs, classify_motifs, partial_rdf

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(
    os.environ.get(
        "LPS_FLOWS_EXTERNAL_DATA", str(ROOT.parent / "shared" / "data" / "external")
    )
)
FILE = FOLDER / "lips_devset" / "lips_first_140.extxyz.gz"
pytestmark = pytest.mark.skipif(
    not FILE.exists(),
    reason=f"no {FILE}: set LPS_FLOWS_EXTERNAL_DATA to the folder of lips_devset",
)


@pytest.fixture(scope="module")
def frames() -> list[Atoms]:
    return read(FILE, "::7")


def test_anions_of_the_crystal_survive_520_kelvin(frames: list[Atoms]) -> None:
    expected = {**dict.fromkeys([*MOTIFS, "free_S"], 0.0), "PS4": 1 / 3, "P2S7": 2 / 3}
    for frame in frames:
        assert classify_motifs(frame) == pytest.approx(expected)


def test_hardly_a_bond_is_near_its_cutoff(frames: list[Atoms]) -> None:
    doubtful = [analyse_motifs(frame).near_cutoff for frame in frames]
    assert sum(doubtful) <= len(frames) / 5


def test_phosphorus_keeps_four_sulfur(frames: list[Atoms]) -> None:
    rdf = partial_rdf(frames, ("P", "S"))
    assert rdf.coordination == pytest.approx(4.0, abs=0.02)
    assert 2.55 < rdf.first_minimum < 3.2
