"""What a campaign cannot be made of is refused before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jobflow import Maker

from lps_flows.flows.active_learning import ActiveLearningFlowMaker
from lps_flows.flows.campaign import CampaignError, CampaignMaker
from lps_flows.flows.conductivity import ConductivityFlowMaker
from lps_flows.flows.properties import (
    PropertyError,
    PropertyFlowMaker,
    PropertyStageSettings,
)
from lps_flows.flows.sampling import CompositionPlan
from lps_flows.jobs.elasticity import EquationOfStateMaker
from lps_flows.jobs.selection import SelectionMaker, SelectionSettings

CRYSTALS = ["Li2S", "P2S5", "gamma-Li3PS4"]
PLAN = CompositionPlan(
    parent="gamma-Li3PS4",
    remove="Li2S",
    n_units=1,
    formula="Li10P4S15",
    target_atoms=32,
)
MOVING: dict[str, Callable[[], Maker]] = {
    "selection": lambda: SelectionMaker(conductivity=ConductivityFlowMaker()),
    "learning": ActiveLearningFlowMaker,
}


@pytest.mark.parametrize(
    ("field", "key", "makers", "changes"),
    [
        ("compositions", "gamma-Li3PS4", {}, {"crystals": CRYSTALS[:2]}),
        ("training_crystals", "x", {}, {"training_crystals": ["Li2S", "x"]}),
        ("held_cells", "typo", {}, {"held_cells": ["typo"]}),
        *(
            ("selection.references", "beta-Li3PS4", {name: make}, {})
            for name, make in MOVING.items()
        ),
    ],
)
def test_crystals_that_are_not_relaxed_are_named(
    field: str, key: str, makers: dict[str, Any], changes: dict[str, Any]
) -> None:
    given = {"crystals": CRYSTALS, "compositions": [PLAN], **changes}
    with pytest.raises(CampaignError, match=f"{field} = \\['{key}'\\]") as caught:
        CampaignMaker(**{name: make() for name, make in makers.items()}).make(**given)
    assert "Li2S" in str(caught.value.remedy)


def test_what_is_at_hand_is_taken() -> None:
    selection = SelectionMaker(
        conductivity=ConductivityFlowMaker(),
        settings=SelectionSettings(references=("gamma-Li3PS4",)),
    )
    flow = CampaignMaker(selection=selection).make(
        CRYSTALS, [PLAN], training_crystals=CRYSTALS[2:], held_cells=["P2S5"]
    )
    assert flow.name == "campaign"
    assert CampaignMaker().make(CRYSTALS, []).name == "campaign"


def test_properties_of_what_is_not_given_are_refused() -> None:
    maker = PropertyFlowMaker(
        makers=[EquationOfStateMaker()],
        settings=PropertyStageSettings(crystals=("X",)),
    )
    with pytest.raises(PropertyError, match=r"\['X'\].*Choose among Li2S"):
        maker.make({"Li2S": None}, {})
