"""Whatever is in a file or document, only typed errors come out."""

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
from lps_flows.potential import read_xsf
from lps_flows.potential.aenet_files import read_network_file
from lps_flows.settings import CampaignSettings, load_campaign

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "potential" / "data" / "golden"
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


XSF = b"""# total energy = -12.5 eV

CRYSTAL
PRIMVEC
 4.0 0.0 0.0
 0.0 4.0 0.0
 0.0 0.0 4.0
PRIMCOORD
2 1
Li 0.0 0.0 0.0 0.1 0.0 0.0
S  2.0 2.0 2.0 -0.1 0.0 0.0
"""


@st.composite
def damaged(draw: st.DrawFn, sound: bytes) -> bytes:
    """Return `sound` cut, with bytes changed, or with bytes put in."""
    at = draw(st.integers(0, len(sound)))
    kind = draw(st.sampled_from(["cut", "change", "insert", "lose"]))
    some = draw(st.binary(min_size=1, max_size=8))
    if kind == "cut":
        return sound[:at]
    if kind == "change":
        return sound[:at] + some + sound[at + len(some) :]
    if kind == "insert":
        return sound[:at] + some + sound[at:]
    return sound[:at] + sound[at + len(some) :]


@fuzz
@given(data=st.one_of(damaged(XSF), st.binary(max_size=200)))
def test_xsf(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "structure.xsf"
    file.write_bytes(data)
    with contextlib.suppress(LpsFlowsError):
        assert len(read_xsf(file)) >= 1


NETWORKS = sorted(GOLDEN.rglob("*.nn"))[:1] + sorted(GOLDEN.rglob("*.nn.ascii"))[:1]


@pytest.mark.skipif(not NETWORKS, reason="no reference networks")
@fuzz
@given(data=st.data())
def test_networks(data: st.DataObject, tmp_path_factory) -> None:
    sound = data.draw(st.sampled_from(NETWORKS)).read_bytes()
    file = tmp_path_factory.mktemp("fuzz") / "li.nn"
    file.write_bytes(data.draw(st.one_of(damaged(sound), st.binary(max_size=300))))
    with contextlib.suppress(LpsFlowsError):
        assert read_network_file(file)
