"""A campaign keeps the settings it was submitted with, and old ones are found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lps_flows.runner import Workplace, recorded, submit
from lps_flows.runner.recorded import record_in_files
from lps_flows.runner.submission import ChangedCampaignError, OtherVersionError
from lps_flows.settings import CampaignSettings, load_campaign
from tests.toy_jobs import toy_flow

DEMO = Path(__file__).parents[2] / "workflows" / "demo.yaml"
# the records that version 0.1.0 left of workflows/demo.yaml, other fields taken out
OLD = Path(__file__).with_name("campaign_of_0_1.json")


@pytest.fixture(scope="module")
def demo() -> CampaignSettings:
    return load_campaign(DEMO)


def _changed(**analysis: Any) -> CampaignSettings:
    content = yaml.safe_load(DEMO.read_text()) | {"analysis": analysis}
    return CampaignSettings.model_validate(content)


def put_old_campaign(workplace: Workplace, *, state: str = "COMPLETED") -> None:
    """Leave what version 0.1.0 left on a LaunchPad."""
    launchpad = workplace.require_launchpad()
    records = json.loads(OLD.read_text())
    launchpad.db["campaigns"].insert_one(records["campaign"])
    fireworks = [fw | {"state": state, "launches": []} for fw in records["fireworks"]]
    launchpad.fireworks.insert_many(fireworks)
    states = {str(firework["fw_id"]): state for firework in fireworks}
    workflow = {"nodes": list(map(int, states)), "fw_states": states, "state": state}
    launchpad.workflows.insert_one({"metadata": {"campaign": "demo"}, **workflow})


def test_settings_are_kept_and_compared(
    workplace: Workplace, demo: CampaignSettings
) -> None:
    def send(settings: CampaignSettings) -> Any:
        return submit(
            workplace, toy_flow("/dev/null"), "demo", settings.settings_hash, settings
        )

    assert recorded(workplace, "demo") is None
    assert send(demo).new
    known = recorded(workplace, "demo")
    assert known is not None
    assert known.complete
    assert known.settings == json.loads(json.dumps(demo.recorded))
    assert not send(demo).new
    with pytest.raises(ChangedCampaignError) as caught:
        send(_changed(candidates={"max_e_above_hull": 50.0}))
    assert "analysis.candidates.max_e_above_hull: 30.0 there, 50.0 here" in str(
        caught.value
    )


def test_other_words_for_the_same_settings_are_no_change(
    workplace: Workplace, demo: CampaignSettings
) -> None:
    submit(workplace, toy_flow("/dev/null"), "demo", demo.settings_hash, demo)
    campaigns = workplace.require_launchpad().db["campaigns"]
    kept = json.loads(campaigns.find_one({"campaign": "demo"})["settings"])
    kept["engine"]["a key that is gone"] = 1
    campaigns.update_one(
        {"campaign": "demo"},
        {"$set": {"settings_hash": "of then", "settings": json.dumps(kept)}},
    )
    again = submit(workplace, toy_flow("/dev/null"), "demo", demo.settings_hash, demo)
    assert not again.new


def test_an_old_campaign_s_settings_are_found_in_its_fireworks(
    workplace: Workplace, demo: CampaignSettings
) -> None:
    put_old_campaign(workplace)
    known = recorded(workplace, "demo")
    assert known is not None
    assert not known.complete
    assert demo.differences(known.settings, complete=False) == []
    assert {"analysis", "dataset", "training", "selection", "conductivity"} <= set(
        known.settings
    )
    file = _changed(hull={"gap_tolerance": 1.0})
    (difference,) = file.differences(known.settings, complete=False)
    assert difference == ("analysis.hull.gap_tolerance", 5.0, 1.0)
    # a default that changed since counts as it was
    submitted = demo.as_submitted(known.settings).analysis
    assert submitted.elasticity.max_strain == 0.05
    assert file.as_submitted(known.settings).analysis == submitted


def test_a_finished_old_campaign_goes_on_and_an_unfinished_one_does_not(
    workplace: Workplace, demo: CampaignSettings
) -> None:
    put_old_campaign(workplace)
    done = submit(workplace, toy_flow("/dev/null"), "demo", demo.settings_hash, demo)
    assert not done.new
    assert done.n_fireworks == 83
    workplace.require_launchpad().fireworks.update_one({}, {"$set": {"state": "READY"}})
    with pytest.raises(OtherVersionError, match="not finished"):
        submit(workplace, toy_flow("/dev/null"), "demo", demo.settings_hash, demo)


def test_files_keep_settings_too(workplace: Workplace, demo: CampaignSettings) -> None:
    files = replace(workplace, launchpad=None)
    assert recorded(files, "demo") is None
    record_in_files(files, "demo", demo)
    known = recorded(files, "demo")
    assert known is not None
    assert known.settings_hash == demo.settings_hash
    assert demo.differences(known.settings) == []
