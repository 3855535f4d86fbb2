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
from lps_flows.engines.gpaw import gpaw_method
from lps_flows.engines.settings import GpawSettings


@pytest.mark.parametrize(
    ("settings", "method"),
    [
        (EngineSettings(), "chgnet-0.4.2"),
        (EngineSettings(name="sevennet"), "sevennet-7net-0"),
        (EngineSettings(name="sevennet", model="7net-l3i5"), "sevennet-7net-l3i5"),
        (EngineSettings(name="diep"), "diep-2.0.0-r2scan"),
        (EngineSettings(name="vasp"), "vasp-pbe-520"),
    ],
)
def test_method_tells_engine_and_model(settings, method):
    assert get_engine(settings).method == method


@pytest.mark.parametrize(
    ("vasp", "method"),
    [
        ({"incar": {"METAGGA": "R2SCAN"}}, "vasp-r2scan-520"),
        ({"incar": {"GGA": "PS"}}, "vasp-pbesol-520"),
        ({"incar": {"GGA": None}}, "vasp-potcar-520"),
        ({"incar": {"IVDW": 12}}, "vasp-pbe-520-d3bj"),
        ({"incar": {"IVDW": 99}}, "vasp-pbe-520-ivdw=99"),
        ({"incar": {"ENCUT": 400}}, "vasp-pbe-400"),
        ({"encut": 400}, "vasp-pbe-400"),
        ({"spin_polarised": True}, "vasp-pbe-520-spin"),
        ({"incar": {"ISPIN": 2}}, "vasp-pbe-520-spin"),
        ({"incar": {"PREC": "Normal"}}, "vasp-pbe-520-prec=NORMAL"),
        ({"incar": {"LREAL": "Auto"}}, "vasp-pbe-520-lreal=AUTO"),
        (
            {"incar": {"LDAUU": {"O": 0, "Fe": 4}, "LDAU": True}},
            "vasp-pbe-520-ldau=T-ldauu=Fe4_O0",
        ),
        (
            {"incar": {"LHFCALC": True, "HFSCREEN": 0.2}},
            "vasp-pbe-520-hfscreen=0.2-lhfcalc=T",
        ),
        ({"potcar": {"S": "S_h"}}, "vasp-pbe-520-S_h"),
        ({"potcar": {"Na": "Na"}}, "vasp-pbe-520-Na"),
        ({"potcar_functional": "PBE_64"}, "vasp-pbe-520-PBE_64"),
        ({"kpoint_length": 40}, "vasp-pbe-520-k40"),
        ({"sigma": 0.1}, "vasp-pbe-520-sigma=0.1"),
    ],
)
def test_method_of_vasp_follows_what_changes_energies(vasp, method):
    assert get_engine(EngineSettings(name="vasp", vasp=vasp)).method == method


@pytest.mark.parametrize(
    "vasp",
    [
        {"incar": {"NCORE": 4, "KPAR": 2, "LWAVE": True, "ALGO": "Normal"}},
        {"incar": {"NELM": 60, "ISYM": 0, "SYSTEM": "a"}},
        # the defaults, written otherwise
        {"incar": {"encut": "520", "GGA": "pe", "LREAL": ".FALSE.", "ISMEAR": 0.0}},
        {"incar": {"MAGMOM": {"Fe": 5}, "LDAUU": {"Fe": 4}}},
        {"potcar": {"S": "S"}},
        {"write_potcar": False},
    ],
)
def test_method_of_vasp_does_not_follow_anything_else(vasp):
    assert get_engine(EngineSettings(name="vasp", vasp=vasp)).method == "vasp-pbe-520"


def test_method_of_vasp_does_not_depend_on_the_order_of_its_keys():
    keys = {"IVDW": 12, "ENCUT": 400, "LASPH": False, "ADDGRID": True, "METAGGA": None}
    methods = {
        get_engine(EngineSettings(name="vasp", vasp={"incar": dict(order)})).method
        for order in (keys.items(), reversed(keys.items()))
    }
    assert methods == {"vasp-pbe-400-d3bj-addgrid=T-lasph=F"}


def test_method_of_gpaw_follows_its_settings():
    def method(**gpaw):
        return gpaw_method(GpawSettings(**gpaw), "26.7.0")

    assert method() == method(gamma_only_md=False) == "gpaw-26.7.0-pbe-pw520"
    assert method(encut=400, kpoint_length=30) == "gpaw-26.7.0-pbe-pw400-k30"
    assert method(sigma=0.1) == "gpaw-26.7.0-pbe-pw520-sigma=0.1"
    assert method(energy_per_atom=1e-6) == "gpaw-26.7.0-pbe-pw520-ediff=1e-06/atom"


@pytest.mark.parametrize("name", ["ann", "chgnet", "diep", "sevennet", "vasp"])
def test_engine_survives_the_store(name):
    uuid = "00000000-0000-4000-8000-000000000000"
    engine = get_engine(EngineSettings(name=name).on(uuid))
    stored = json.loads(json.dumps(engine, cls=MontyEncoder), cls=MontyDecoder)
    again = json.dumps(stored, cls=MontyEncoder)
    assert json.loads(again) == json.loads(json.dumps(engine, cls=MontyEncoder))
    assert type(stored) is type(engine)
    assert type(stored.md) is type(engine.md)


@pytest.mark.parametrize(
    ("incar", "words"),
    [
        ({"nsw": 200}, "incar.NSW = 200: steered by engine.max_steps"),
        ({"POTIM": 0.5}, "conductivity.time_step"),
        (
            {"TEEND": 300, "TEBEG": 300},
            "incar.TEBEG = 300: steered by dataset.md_temperature",
        ),
        ({"IBRION": 1}, "the kind of calculation"),
        ({"ISIF": None}, "incar.ISIF = None: steered by engine.relax_cell"),
        ({"EDIFFG": -0.1}, "engine.fmax"),
        ({"EDIFF": 1e-6}, "vasp.ediff_per_atom"),
        ({"SIGMA": 0.1}, "vasp.sigma"),
        ({"ENCUT": None}, "vasp.encut"),
        ({"ENCTU": 600}, "Did you mean ENCUT?"),
        ({"NCOER": 4}, "Did you mean NCORE?"),
    ],
)
def test_vasp_keys_that_would_act_against_the_settings_are_refused(incar, words):
    with pytest.raises(EngineError, match=r"engine\.vasp\.incar") as caught:
        get_engine(EngineSettings(name="vasp", vasp={"incar": incar}))
    assert words in str(caught.value)
    get_engine(EngineSettings(name="chgnet", vasp={"incar": incar}))  # reads none


def test_vasp_keys_that_pymatgen_does_not_know_are_taken():
    newer = {"LXLIB": True, "BPARAM": 15.7, "ML_LMLFF": False, "LCLIMB": False}
    assert get_engine(EngineSettings(name="vasp", vasp={"incar": newer})).method


def test_unknown_engine_names_the_known_ones():
    with pytest.raises(EngineError, match=r"chgnet.*vasp") as caught:
        get_engine(EngineSettings(name="vaps"))
    assert caught.value.value == "vaps"
    assert caught.value.field == "engine.name"
    assert "vasp" in engine_names()


def test_unknown_model_names_the_known_ones():
    get_engine(EngineSettings(name="sevennet"))
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


def test_settings_say_whether_a_potential_is_missing():
    ann = EngineSettings(name="ann")
    assert ann.needs_potential
    on_own = ann.on("00000000-0000-4000-8000-000000000000")
    assert not on_own.needs_potential
    assert get_engine(on_own).potential == on_own.potential
    # one that is named stays, and other engines need none
    assert on_own.on("other") == on_own
    chgnet = EngineSettings()
    assert not chgnet.needs_potential
    assert chgnet.on("other") == chgnet
    assert get_engine(chgnet).potential is None
