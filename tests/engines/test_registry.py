import json

import pytest
from monty.json import MontyDecoder, MontyEncoder
from pydantic import ValidationError

from lps_flows.engines import (
    EngineError,
    EngineSettings,
    engine_names,
    forcefields,
    get_engine,
)


@pytest.mark.parametrize(
    ("settings", "method"),
    [
        (EngineSettings(), "chgnet-0.4.2"),
        (EngineSettings(name="sevennet"), "sevennet-7net-0"),
        (EngineSettings(name="sevennet", model="7net-l3i5"), "sevennet-7net-l3i5"),
        (EngineSettings(name="vasp"), "vasp-pbe-520"),
    ],
)
def test_method_tells_engine_and_model(settings, method):
    assert get_engine(settings).method == method


@pytest.mark.parametrize("name", ["chgnet", "sevennet", "vasp"])
def test_engine_survives_the_store(name):
    engine = get_engine(EngineSettings(name=name))
    stored = json.loads(json.dumps(engine, cls=MontyEncoder), cls=MontyDecoder)
    again = json.dumps(stored, cls=MontyEncoder)
    assert json.loads(again) == json.loads(json.dumps(engine, cls=MontyEncoder))
    assert type(stored.md) is type(engine.md)


def test_unknown_engine_names_the_known_ones():
    with pytest.raises(EngineError, match=r"chgnet.*vasp") as caught:
        get_engine(EngineSettings(name="vaps"))
    assert caught.value.value == "vaps"
    assert caught.value.field == "engine.name"
    assert "vasp" in engine_names()


def test_unknown_model_names_the_known_ones():
    with pytest.raises(EngineError, match="7net-0, 7net-l3i5"):
        get_engine(EngineSettings(name="sevennet", model="7net-9"))


def test_missing_package_says_how_to_get_it():
    with pytest.raises(EngineError, match=r"pip install 'lps-flows\[magic\]'"):
        forcefields.installed_version("no-such-engine", engine="magic")


def test_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="fmaks"):
        EngineSettings(fmaks=0.1)


@pytest.mark.parametrize("potential", [None, "/nowhere/potential.safetensors"])
def test_ann_engine_needs_a_potential_it_can_find(potential):
    with pytest.raises(EngineError, match=r"engine\.potential"):
        get_engine(EngineSettings(name="ann", potential=potential))
