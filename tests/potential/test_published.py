"""The published potential is the one of its card, and gives what the card states."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pymatgen.core import Structure

from lps_flows.engines import EngineSettings, get_engine
from lps_flows.engines.trained import load_potential
from lps_flows.potential import (
    ANNPotential,
    PotentialFileError,
    published,
    published_card,
    published_names,
)

STRUCTURES = Path(__file__).parents[2] / "docs" / "data" / "map" / "structures"


@pytest.mark.parametrize("name", published_names())
def test_stated_energies_come_out(name: str) -> None:
    potential, card = ANNPotential.published(name), published_card(name)
    assert potential.identifier == card.identifier
    assert len(potential.members) == card.n_members
    assert len(card.stated) >= 10
    for stated in card.stated:
        structure = Structure.from_file(STRUCTURES / stated.structure)
        energy = potential.evaluate(structure).energy / len(structure)
        assert energy == pytest.approx(stated.energy, abs=1e-9)


def test_energies_are_near_those_of_the_reference() -> None:
    stated = published_card("Li-P-S").stated
    errors = [abs(s.energy - s.reference_energy) for s in stated if s.reference_energy]
    assert len(errors) >= 10
    assert sum(errors) / len(errors) < 0.015  # eV/atom


def test_a_name_that_is_not_published_names_those_that_are() -> None:
    with pytest.raises(PotentialFileError, match="Li-P-S"):
        ANNPotential.published("Li-P-Cl")


def test_a_file_that_is_not_the_cards_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in published.FOLDER.iterdir():
        shutil.copy(file, tmp_path)
    card = tmp_path / "Li-P-S.json"
    other = json.loads(card.read_text()) | {"identifier": "0123456789ab"}
    card.write_text(json.dumps(other))
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    with pytest.raises(PotentialFileError, match="Install the package again"):
        ANNPotential.published("Li-P-S")


def test_an_engine_takes_it_by_name() -> None:
    assert published_names() == ["Li-P-S", "Li-P-S-dynamics"]
    engine = get_engine(EngineSettings(name="ann", potential="Li-P-S"))
    assert engine.method == f"ann-{load_potential('Li-P-S').identifier}"
    assert engine.method == f"ann-{published_card('Li-P-S').identifier}"
