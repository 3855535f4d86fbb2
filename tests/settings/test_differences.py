"""What a changed campaign file says otherwise than its campaign was submitted with."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from lps_flows.chemistry import crystal
from lps_flows.settings import CampaignSettings, load_campaign

DEMO = Path(__file__).parents[2] / "workflows" / "demo.yaml"


@pytest.fixture(scope="module")
def demo() -> CampaignSettings:
    return load_campaign(DEMO)


def _changed(**sections: Any) -> CampaignSettings:
    content = yaml.safe_load(DEMO.read_text())
    for name, keys in sections.items():
        content[name] = content.get(name, {}) | keys
    return CampaignSettings.model_validate(content)


def test_equal_settings_differ_in_nothing(demo: CampaignSettings) -> None:
    assert demo.differences(demo.recorded) == []
    assert demo.as_submitted(demo.recorded).model_dump() == demo.model_dump()


def test_every_changed_key_is_named_with_both_values(demo: CampaignSettings) -> None:
    file = _changed(
        engine={"fmax": 0.1},
        analysis={"candidates": {"max_e_above_hull": 50.0}},
        conductivity={"temperatures": [500.0, 900.0]},
        selection={"references": ["Li7P3S11"]},
    )
    found = {key: (there, here) for key, there, here in file.differences(demo.recorded)}
    assert found == {
        "engine.fmax": (0.05, 0.1),
        "analysis.candidates.max_e_above_hull": (30.0, 50.0),
        "conductivity.temperatures": ([500.0, 600.0, 700.0], [500.0, 900.0]),
        "selection.references": (["beta-Li3PS4"], ["Li7P3S11"]),
    }
    shown = file.as_submitted(demo.recorded)
    assert shown.engine == demo.engine
    assert shown.analysis == demo.analysis
    assert shown.conductivity == demo.conductivity
    assert shown.md_references == demo.md_references
    assert "engine.fmax: 0.05 there, 0.1 here" in map(
        str, file.differences(demo.recorded)
    )


def test_keys_of_other_versions_do_not_count(demo: CampaignSettings) -> None:
    old = copy.deepcopy(demo.recorded)
    old["engine"]["md"]["temperature"] = 1200.0  # is gone
    del old["analysis"]["clusters"]["silhouette_sample"]  # came later
    old["an older stage"] = {"n": 3}
    assert demo.differences(old) == []
    assert demo.as_submitted(old).model_dump() == demo.model_dump()
    later = _changed(analysis={"clusters": {"silhouette_sample": 500}})
    (difference,) = later.differences(old)
    assert difference == ("analysis.clusters.silhouette_sample", 2000, 500)


def test_what_is_unknown_is_taken_from_the_file(demo: CampaignSettings) -> None:
    part = {"analysis": {"candidates": {"max_e_above_hull": 40.0}}}
    # a default that an older version had is no change, what the file names is one
    assert demo.differences(part, complete=False) == []
    naming = _changed(analysis={"candidates": {"max_e_above_hull": 30.0}})
    found = naming.differences(part, complete=False)
    assert found == [("analysis.candidates.max_e_above_hull", 40.0, 30.0)]
    shown = demo.as_submitted(part)
    assert shown.analysis.candidates.max_e_above_hull == 40.0
    assert shown.engine == demo.engine


def test_a_potential_of_another_name_is_that_of_then_and_a_file_that_of_now() -> None:
    """A name says which it is; of a file the hash of its content was recorded."""
    moved = {"name": "ann", "potential": "Li-P-S-dynamics"}
    now = _changed(conductivity_engine=moved)
    then = copy.deepcopy(now.recorded)
    then["conductivity_engine"]["potential"] = "Li-P-S"
    (difference,) = now.differences(then)
    assert difference.key == "conductivity_engine.potential"
    shown = now.as_submitted(then).conductivity_engine
    assert shown is not None
    assert shown.potential == "Li-P-S"
    then["conductivity_engine"]["potential"] = 32 * "0f"
    shown = now.as_submitted(then).conductivity_engine
    assert shown is not None
    assert shown.potential == "Li-P-S-dynamics"


def test_an_own_crystal_differs_by_its_cell_and_not_by_its_file(tmp_path: Path) -> None:
    content = yaml.safe_load(DEMO.read_text())
    content["crystals"].append("mine")
    loaded = []
    for name, key in (("a", "Li4P2S6"), ("b", "Li4P2S6"), ("c", "Li7P3S11")):
        (tmp_path / name).mkdir()
        crystal(key).to(filename=str(tmp_path / name / "mine.cif"))
        content["own_crystals"] = {"mine": {"file": "mine.cif"}}
        file = tmp_path / name / "campaign.yaml"
        file.write_text(yaml.safe_dump(content))
        loaded.append(load_campaign(file))
    first, moved, other = loaded
    assert moved.differences(first.recorded) == []
    (difference,) = other.differences(first.recorded)
    assert difference.key == "own_crystals"
    assert len(str(difference)) < 300
    assert other.as_submitted(first.recorded).own_crystals == other.own_crystals
