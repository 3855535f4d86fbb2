"""Counts that pages state are those of the campaigns."""

from __future__ import annotations

import re

import pytest

from lps_flows.engines import POTENTIAL_ENGINE
from lps_flows.engines.cost import estimate_cost
from lps_flows.plan import plan_campaign
from lps_flows.settings import load_campaign
from tests.docs.blocks import ROOT

_PRESET = re.compile(r"^\| `(\w+)\.yaml`[^|]*\|([^|]*)\|([^|]*)\|", re.MULTILINE)


def presets(page: str) -> dict[str, tuple[str, str]]:
    """Return the first two cells behind the name of each preset in tables of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return {
        name: (first.strip(), second.strip())
        for name, first, second in _PRESET.findall(text)
    }


@pytest.mark.parametrize("name", ["paper", "frugal", "standard"])
def test_the_engines_page_foretells_what_a_dry_run_does(name: str) -> None:
    evaluations, hours = presets("engines.md")[name]
    lines = estimate_cost(
        plan_campaign(load_campaign(ROOT / "workflows" / f"{name}.yaml"))
    )
    counted = sum(n.evaluations for n in lines if n.engine != POTENTIAL_ENGINE)
    millions, rounded, _ = evaluations.partition(" million")
    if rounded:
        assert float(millions) == round(counted / 1e6, 2)
    else:
        assert int(millions.replace(",", "")) == counted
    spent = sum(n.core_hours for n in lines if n.engine == POTENTIAL_ENGINE)
    assert int(hours.split(",")[0]) == round(spent)


@pytest.mark.parametrize("name", ["demo", "standard", "paper"])
def test_the_scaling_page_counts_the_fireworks_of_a_submission(name: str) -> None:
    (stated, _) = presets("scaling.md")[name]
    flow = load_campaign(ROOT / "workflows" / f"{name}.yaml").flow()
    assert int(stated.replace(",", "")) == sum(1 for _ in flow.iterflow())
