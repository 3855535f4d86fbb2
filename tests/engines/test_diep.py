"""DIEP, whose energies are r2SCAN's: what its engine adds to the calculator."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
from monty.json import MontyDecoder, MontyEncoder
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from lps_flows.chemistry import crystal
from lps_flows.engines import EngineError, EngineSettings, get_engine, read_calculation
from lps_flows.engines.forcefields import diep_calculator

DIEP = EngineSettings(name="diep")


@pytest.fixture(scope="module")
def moved() -> Structure:
    """A third of a formula unit that no symmetry holds, under stress."""
    cell = crystal("Li2S").get_primitive_structure()
    cell.apply_strain([0.03, -0.01, 0.02])
    cell.translate_sites([0], [0.1, 0.05, 0.0], frac_coords=False)
    return cell


def test_the_engine_gives_what_the_calculator_of_its_package_gives(moved):
    pretrained = pytest.importorskip("diep.pretrained")
    stored = json.dumps(get_engine(DIEP), cls=MontyEncoder)
    single = MontyDecoder().decode(stored).compute(moved, relax=False)
    result = read_calculation(single)
    atoms = AseAtomsAdaptor.get_atoms(moved)
    atoms.calc = pretrained.make_calculator()
    assert result.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-5)
    assert np.allclose(result.forces, atoms.get_forces(), atol=1e-5)
    assert np.allclose(result.stress, atoms.get_stress(voigt=False), atol=1e-6)
    assert np.abs(result.stress).max() > 1e-3  # eV/Å^3; in GPa it were 0.2


def test_the_weights_are_those_of_the_release(monkeypatch, tmp_path):
    """The package reads DIEP_MODEL_DIR; the method does not tell."""
    pretrained = pytest.importorskip("diep.pretrained")
    monkeypatch.setattr(pretrained, "DEFAULT_MODEL_DIR", tmp_path)
    with pytest.raises(FileNotFoundError):
        pretrained.make_calculator()
    assert diep_calculator().potential.model.cutoff == 5.0


def test_the_device_reaches_the_calculator():
    engine = get_engine(DIEP.model_copy(update={"device": "cpu"}))
    assert engine.static.calculator_kwargs == {"device": "cpu"}
    assert engine.relax.calculator_kwargs == {"device": "cpu"}
    assert engine.method == get_engine(DIEP).method
    (device,) = {p.device.type for p in engine.calculator().potential.parameters()}
    assert device == "cpu"


def test_another_model_is_refused():
    assert get_engine(EngineSettings(name="diep", model="diep_fold1")).method
    with pytest.raises(EngineError, match="diep_fold1") as caught:
        get_engine(EngineSettings(name="diep", model="diep_fold2"))
    assert caught.value.field == "engine.model"


def test_where_it_is_not_installed_the_remedy_is_said(monkeypatch):
    def absent(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr("lps_flows.engines.forcefields.version", absent)
    with pytest.raises(EngineError) as caught:
        get_engine(DIEP)
    assert caught.value.field == "engine.name"
    assert caught.value.value == "diep"
    assert "pip install 'lps-flows[diep]'" in caught.value.remedy
