"""Every VASP input file of every VASP Maker, read back."""

import json

import numpy as np
import pytest
from monty.json import MontyDecoder, MontyEncoder
from pymatgen.io.vasp import Incar, Kpoints, Poscar, Potcar

from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings, get_engine

SHARED = {
    "ENCUT": 520,
    "GGA": "Pe",
    "ISMEAR": 0,
    "SIGMA": 0.05,
    "ISPIN": 1,
    "NELM": 200,
    "LASPH": True,
    "LCHARG": False,
    "LWAVE": False,
    "EDIFF": 1e-5,
}
EXPECTED = {
    "static": SHARED
    | {
        # 1e-5 eV/atom times the 16 atoms of the cell
        "EDIFF": 1.6e-4,
        "ALGO": "Normal",
        "PREC": "Accurate",
        "LREAL": False,
        "NSW": 0,
    },
    "relax": SHARED
    | {
        "ALGO": "Fast",
        "PREC": "Accurate",
        "LREAL": False,
        "NSW": 500,
        "IBRION": 2,
        "ISIF": 3,
        "EDIFFG": -0.02,
        "NELMIN": 5,
    },
    "md": SHARED
    | {
        "ALGO": "Fast",
        "PREC": "Normal",
        "LREAL": "Auto",
        "NELMIN": 4,
        "ISYM": 0,
        "IBRION": 0,
        "ISIF": 2,
        "MDALGO": 2,
        "SMASS": 0,
        "NSW": 1000,
        "POTIM": 1,
        "TEBEG": 1200,
        "TEEND": 1200,
        "MAXMIX": 20,
        "KBLOCK": 100,
    },
}


def written(maker, structure, folder):
    """The input files, written and read back, of a Maker that went through a store."""
    stored = json.loads(json.dumps(maker, cls=MontyEncoder), cls=MontyDecoder)
    stored.input_set_generator.get_input_set(structure).write_input(folder)
    return {
        "INCAR": Incar.from_file(folder / "INCAR"),
        "KPOINTS": (folder / "KPOINTS").read_text().splitlines(),
        "POSCAR": Poscar.from_file(folder / "POSCAR"),
        "POTCAR": Potcar.from_file(folder / "POTCAR"),
    }


@pytest.mark.usefixtures("potcars")
@pytest.mark.parametrize("kind", ["static", "relax", "md"])
def test_incar_holds_exactly_the_stated_keys(kind, tmp_path):
    maker = getattr(get_engine(EngineSettings(name="vasp")), kind)
    incar = written(maker, crystal("gamma-Li3PS4"), tmp_path)["INCAR"]
    assert dict(incar) == EXPECTED[kind]


@pytest.mark.usefixtures("potcars")
@pytest.mark.parametrize("kind", ["static", "relax"])
def test_kpoints_are_fully_automatic_with_25_angstrom(kind, tmp_path):
    maker = getattr(get_engine(EngineSettings(name="vasp")), kind)
    lines = written(maker, crystal("gamma-Li3PS4"), tmp_path)["KPOINTS"]
    assert lines[1:] == ["0", "Automatic", "25"]
    # custodian reads the file back before every run and before every correction
    assert Kpoints.from_file(tmp_path / "KPOINTS").kpts[0][0] == 25


@pytest.mark.usefixtures("potcars")
def test_md_samples_the_gamma_point_alone(tmp_path):
    maker = get_engine(EngineSettings(name="vasp")).md
    lines = written(maker, crystal("gamma-Li3PS4"), tmp_path)["KPOINTS"]
    assert lines[2:4] == ["Gamma", "1 1 1"]


@pytest.mark.usefixtures("potcars")
@pytest.mark.parametrize("kind", ["static", "relax", "md"])
def test_potcar_follows_the_order_of_poscar(kind, tmp_path):
    # the library lists some crystals with sulfur first
    structure = crystal("LT-Li7PS6")
    maker = getattr(get_engine(EngineSettings(name="vasp")), kind)
    files = written(maker, structure, tmp_path)
    assert files["POSCAR"].site_symbols == ["Li", "P", "S"]
    assert files["POSCAR"].structure.matches(structure)
    assert [potcar.symbol for potcar in files["POTCAR"]] == ["Li_sv", "P", "S"]


@pytest.mark.parametrize("kind", ["static", "relax", "md"])
def test_potcar_spec_names_the_data_sets(kind):
    maker = getattr(get_engine(EngineSettings(name="vasp")), kind)
    inputs = maker.input_set_generator.get_input_set(
        crystal("gamma-Li3PS4"), potcar_spec=True
    )
    assert inputs["POTCAR.spec"] == "Li_sv\nP\nS"
    assert maker.input_set_generator.user_potcar_functional == "PBE_54"


@pytest.mark.parametrize(
    ("kind", "ediff"), [("static", 1.28e-3), ("relax", 1e-5), ("md", 1e-5)]
)
def test_ediff_grows_with_the_cell_of_single_points_alone(kind, ediff):
    generator = getattr(get_engine(EngineSettings(name="vasp")), kind)
    cell = crystal("gamma-Li3PS4") * (2, 2, 2)
    inputs = generator.input_set_generator.get_input_set(cell, potcar_spec=True)
    assert np.isclose(inputs["INCAR"]["EDIFF"], ediff)


def test_the_shape_relaxes_at_fixed_volume():
    engine = get_engine(EngineSettings(name="vasp")).with_fixed_volume()
    inputs = engine.relax.input_set_generator.get_input_set(
        crystal("gamma-Li3PS4"), potcar_spec=True
    )
    assert inputs["INCAR"]["ISIF"] == 4
    assert engine.max_stress is None


def test_settings_reach_the_inputs():
    settings = EngineSettings(
        name="vasp",
        fmax=0.05,
        relax_cell=False,
        vasp={"encut": 400, "incar": {"ncore": 8, "LASPH": None}, "kpoint_length": 15},
    )
    engine = get_engine(settings)
    inputs = engine.relax.input_set_generator.get_input_set(
        crystal("gamma-Li3PS4"), potcar_spec=True
    )
    incar = inputs["INCAR"]
    assert engine.method == "vasp-pbe-400-lasph=unset-k15"
    assert (incar["ENCUT"], incar["NCORE"], incar["EDIFFG"]) == (400, 8, -0.05)
    assert incar["ISIF"] == 2
    assert "LASPH" not in incar
    assert inputs["KPOINTS"].kpts[0][0] == 15


def test_dynamics_are_set_for_one_run():
    engine = get_engine(EngineSettings(name="vasp"))
    md = engine.with_md(temperature=900, n_steps=250).md
    incar = md.input_set_generator.get_input_set(
        crystal("gamma-Li3PS4"), potcar_spec=True
    )["INCAR"]
    assert (incar["TEBEG"], incar["TEEND"], incar["NSW"]) == (900, 900, 250)
