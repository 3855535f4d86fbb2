"""Engines that are not on our list: atomate2's, anyone's calculator, entry points."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ase.calculators.emt import EMT
from monty.json import MontyDecoder, MontyEncoder
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.chemistry import crystal
from lps_flows.engines import (
    EngineError,
    EngineSettings,
    engine_names,
    get_engine,
    read_calculation,
    registry,
)
from lps_flows.potential.committee import has_cuda
from lps_flows.settings import load_campaign

SITES = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
COPPER = Structure(Lattice.cubic(3.65), ["Cu"] * 4, SITES)
LJ = "ase.calculators.lj.LennardJones"
PLUGIN = """
from lps_flows.engines.named import imported_engine

def build(settings):
    changes = {"calculator": "ase.calculators.emt.EMT"}
    return imported_engine(settings.model_copy(update=changes))

def nothing(settings):
    return None
"""
POINTS = """[lps_flows.engines]
theirs = their_engine:build
empty = their_engine:nothing
broken = their_engine:missing
chgnet = their_engine:build
"""


def test_any_calculator_by_its_class() -> None:
    engine = get_engine(EngineSettings(calculator="ase.calculators.emt.EMT"))
    assert engine.name == "calculator"
    assert engine.method.startswith("EMT-ase-")
    stored = MontyDecoder().decode(json.dumps(engine, cls=MontyEncoder))
    atoms = AseAtomsAdaptor.get_atoms(COPPER)
    atoms.calc = EMT()
    for each in (engine, stored):
        single = read_calculation(each.compute(COPPER, relax=False))
        assert single.energy == pytest.approx(atoms.get_potential_energy())
    relaxed = read_calculation(stored.compute(COPPER, relax=True))
    assert relaxed.converged
    assert relaxed.structure.lattice.a == pytest.approx(3.59, abs=0.02)
    assert stored.calculator() is stored.calculator()


def test_arguments_make_the_method() -> None:
    methods = {
        get_engine(EngineSettings(calculator=LJ, arguments=arguments)).method
        for arguments in ({}, {"epsilon": 0.1}, {"epsilon": 0.2})
    }
    assert len(methods) == 3


@pytest.mark.parametrize(
    "name", ["subprocess.Popen", "os.path.join", "no_such_package.Calc", "ase.Atoms"]
)
def test_nothing_but_a_calculator_is_called(name: str) -> None:
    with pytest.raises(EngineError, match="calculator"):
        get_engine(EngineSettings(calculator=name, arguments={"args": ["false"]}))


def test_any_force_field_that_atomate2_knows() -> None:
    ours = get_engine(EngineSettings())
    theirs = get_engine(EngineSettings(name="forcefield", model="CHGNet"))
    assert theirs.method == "forcefield-CHGNet"
    cell = crystal("Li2S")
    energies = [
        read_calculation(engine.compute(cell, relax=False)).energy
        for engine in (ours, theirs)
    ]
    assert energies[0] == pytest.approx(energies[1], abs=1e-5)
    with pytest.raises(EngineError, match="MACE-MP-0"):
        get_engine(EngineSettings(name="forcefield", model="MACE-9"))
    named = get_engine(EngineSettings(name="forcefield", model="MACE-MP-0"))
    assert named.method == "forcefield-MACE-MP-0"  # installed or not: it runs elsewhere


@pytest.fixture
def _plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "their_engine.py").write_text(PLUGIN)
    info = tmp_path / "their_engine-1.0.dist-info"
    info.mkdir()
    metadata = "Metadata-Version: 2.1\nName: their-engine\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata)
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._added.cache_clear()
    yield
    registry._added.cache_clear()
    sys.modules.pop("their_engine", None)


@pytest.mark.usefixtures("_plugin")
def test_engines_of_other_packages(tmp_path: Path) -> None:
    assert {"theirs", "chgnet", "vasp"} <= set(engine_names())
    engine = get_engine(EngineSettings(name="theirs"))
    assert engine.name == "theirs"
    assert read_calculation(engine.compute(COPPER, relax=False)).energy < 1
    assert get_engine(EngineSettings()).method.startswith("chgnet-")  # ours stays ours
    with pytest.raises(EngineError, match="returned no Engine"):
        get_engine(EngineSettings(name="empty"))
    with pytest.raises(EngineError, match="cannot be imported"):
        get_engine(EngineSettings(name="broken"))
    demo = Path(__file__).parents[2] / "workflows" / "demo.yaml"
    file = tmp_path / "campaign.yaml"
    file.write_text(demo.read_text().replace("name: chgnet", "name: theirs"))
    assert load_campaign(file).engine.name == "theirs"


@pytest.mark.parametrize(
    "chosen", [{"name": "chgnet"}, {"name": "forcefield", "model": "CHGNet"}]
)
def test_the_device_reaches_the_calculator(chosen: dict[str, str]) -> None:
    engine = get_engine(EngineSettings(**chosen, device="cpu"))
    assert engine.static.calculator_kwargs["use_device"] == "cpu"
    assert get_engine(EngineSettings(**chosen)).method == engine.method
    pytest.importorskip("chgnet")
    assert engine.written() == {"method": engine.method, "device": "cpu"}
    copper = EngineSettings(name="calculator", calculator="ase.calculators.emt.EMT")
    assert get_engine(copper).written()["device"] is None


@pytest.mark.skipif(has_cuda(), reason="there is a GPU here")
@pytest.mark.parametrize("name", ["chgnet", "diep", "sevennet", "ann", "calculator"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(EngineError, match="no CUDA device"):
        get_engine(EngineSettings(name=name, device="cuda"))
