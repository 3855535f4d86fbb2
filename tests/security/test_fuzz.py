"""Whatever is in a campaign file, only typed errors come out."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lps_flows.foundation import LpsFlowsError
from lps_flows.settings import CampaignSettings, load_campaign

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "workflows" / "demo.yaml").read_text())

fuzz = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10**6),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=12),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=8), inner, max_size=3),
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Return the paths of everything inside a nest of tables and lists."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


def replaced(value: Any, path: tuple, new: Any) -> Any:
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return value


@fuzz
@given(path=st.sampled_from(places(DEMO)), new=values)
def test_campaign_files(
    path: tuple, new: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "campaign.yaml"
    file.write_text(yaml.safe_dump(replaced(DEMO, path, new)))
    with contextlib.suppress(LpsFlowsError):
        loaded = load_campaign(file)
        assert isinstance(loaded, CampaignSettings)
        assert loaded.compositions()


@fuzz
@given(text=st.one_of(st.text(), st.binary().map(lambda b: b.decode("latin-1"))))
def test_campaign_text(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "campaign.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(LpsFlowsError):
        load_campaign(file)
