"""What a plan counts, by hand from the demo: eight compositions on eight searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lps_flows.plan import PlannedWork, plan_campaign, plan_dynamics
from lps_flows.settings import CampaignSettings

WORKFLOWS = Path(__file__).parents[2] / "workflows"


@pytest.fixture
def demo() -> dict[str, Any]:
    return yaml.safe_load((WORKFLOWS / "demo.yaml").read_text())


def planned(content: dict[str, Any]) -> dict[tuple[str, str], list[PlannedWork]]:
    found: dict[tuple[str, str], list[PlannedWork]] = {}
    for work in plan_campaign(CampaignSettings.model_validate(content)):
        found.setdefault((work.stage, work.kind), []).append(work)
    return found


def test_searches_relax_their_first_generation_too(demo: dict[str, Any]) -> None:
    plan = planned(demo)
    (searches,) = plan["sampling", "ann relax"]
    assert searches.number == 8 * 5 * 12  # four generations after the first, of twelve
    (explored,) = plan["active learning", "ann relax"]
    assert explored.number == 8 * 3 * 12
    demo["sampling"] |= {"n_seeds": 3}
    demo["sampling"]["evolution"]["children"] = 7
    (searches,) = planned(demo)["sampling", "ann relax"]
    assert searches.number == 3 * 8 * 5 * 7


def test_dynamics_are_equilibrated_and_run_at_each_temperature(
    demo: dict[str, Any],
) -> None:
    demo["conductivity"] |= {"time_step": 2.0, "n_seeds": 2}
    demo["selection"] = {"n_candidates": 1, "references": ["beta-Li3PS4"]}
    (runs,) = planned(demo)["conductivity", "md"]
    # 1 ps and 4 ps in steps of 2 fs: a glass and a crystal, three temperatures, twice
    assert (runs.steps, runs.number) == (2500, 2 * 3 * 2)


def test_a_guard_labels_and_starts_anew_so_many_times(demo: dict[str, Any]) -> None:
    demo["selection"] = {"n_candidates": 1, "references": ["beta-Li3PS4"]}
    demo["conductivity_engine"] = {"name": "ann"}
    (plain,) = planned(demo)["conductivity", "md"]
    demo["conductivity"]["guard"] = {"n_frames": 5, "restarts": 2}
    plan = planned(demo)
    (labels,) = plan["conductivity", "static"]
    assert labels.number == 2 * 5 * 2
    assert labels.engine == demo["engine"]["name"]
    first, again = plan["conductivity", "md"]
    assert (first.number, again.number) == (plain.number, 2 * plain.number)
    assert again.at_most
    (trained,) = plan["conductivity", "training"]
    # both structures, both times, each with all members
    assert trained.number == 2 * 2 * demo["training"]["restarts"]


def test_phonons_displace_every_atom_both_ways_along_each_axis_at_most(
    demo: dict[str, Any],
) -> None:
    demo["phonons"] = {"crystals": ["Li2S"]}
    (displaced,) = planned(demo)["phonons", "static"]
    # twelve atoms, and the crystal as it is, in supercells of a hundred
    assert displaced.number == 6 * 12 + 1
    assert set(displaced.n_atoms) == {100}


def test_what_is_named_keeps_its_reason_and_the_largest_cell_counts(
    demo: dict[str, Any],
) -> None:
    """Two scans reach Li22P8S31: in cells of 183 atoms, and of 61 that are doubled."""
    demo["sampling"]["scans"] = [
        {
            "parent": "gamma-Li3PS4",
            "remove": "Li2S",
            "n_units": [3],
            "target_atoms": 192,
        },
        {"parent": "beta-Li3PS4", "remove": "Li2S", "n_units": [1], "target_atoms": 64},
        {"parent": "LiPS3", "remove": "P2S5", "n_units": [1], "target_atoms": 40},
    ]
    demo["selection"] = {
        "n_candidates": 0,
        "compositions": ["Li22P8S31"],
        "every_nth": 1,
        "references": [],
    }
    runs = plan_dynamics(CampaignSettings.model_validate(demo))
    assert [run.reason for run in runs] == ["named", "along the line"]
    assert runs[0].label == "gc-Li22P8S31"
    assert runs[0].n_atoms == 183
