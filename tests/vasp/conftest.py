"""Fixtures of the VASP tests: placeholder POTCARs and the stand-in executable."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pymatgen.core
import pytest

from lps_flows.engines import Engine, EngineSettings, get_engine
from lps_flows.engines.vasp import vasp_engine

FAKE_VASP = Path(__file__).parent / "fake_vasp" / "fake_vasp.py"
STAND_IN_METHOD = "stand-in-for-vasp"
VALENCES = {"Li_sv": 3.0, "P": 5.0, "S": 6.0}


def placeholder_potcar(symbol: str, valence: float) -> str:
    """A file with a POTCAR's header and no pseudopotential in it."""
    element = symbol.split("_", maxsplit=1)[0]
    return f"""  PAW_PBE {symbol} 01Jan2000
   {valence:.10f}
 parameters from PSCTR are:
   VRHFIN ={element}: placeholder for tests, not a pseudopotential
   LEXCH  = PE
   EATOM  =    10.0000 eV,    1.0000 Ry
   TITEL  = PAW_PBE {symbol} 01Jan2000
   LULTRA =        F    use ultrasoft PP ?
   IUNSCR =        1    unscreen: 0-lin 1-nonlin 2-no
   RPACOR =    1.000    partial core radius
   POMASS =    1.000; ZVAL   =    {valence:.3f}    mass and valenz
   RCORE  =    1.500    outmost cutoff radius
   RWIGS  =    1.500; RWIGS  =    1.500    wigner-seitz radius (au A)
   ENMAX  =  300.000; ENMIN  =  200.000 eV
   LCOR   =        T    correct aug charges
   LPAW   =        T    paw PP
   EAUG   =  500.000
   DEXC   =     .000
   RMAX   =    1.800    core radius for proj-oper
   RAUG   =    1.300    factor for augmentation sphere
   RDEP   =    1.900    core radius for depl-charge
   QCUT   =   -4.000; QGAM   =    8.000    optimization parameters
END of PSCTR-controll parameters
 local part
  0.10000000E+01  0.20000000E+01  0.30000000E+01
 End of Dataset
"""


@pytest.fixture
def potcars(tmp_path_factory, monkeypatch) -> Path:
    """A folder of placeholder POTCARs that pymatgen finds."""
    root = tmp_path_factory.mktemp("psp")
    for symbol, valence in VALENCES.items():
        folder = root / "POT_GGA_PAW_PBE_54" / symbol
        folder.mkdir(parents=True)
        (folder / "POTCAR").write_text(placeholder_potcar(symbol, valence))
    monkeypatch.setitem(pymatgen.core.SETTINGS, "PMG_VASP_PSP_DIR", str(root))
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(root))
    return root


@pytest.fixture
def stand_in_command(potcars, monkeypatch) -> str:
    """The stand-in as a value of VASP_CMD, on its fast Lennard-Jones engine."""
    if "FAKE_VASP_CALCULATOR" not in os.environ:
        monkeypatch.setenv("FAKE_VASP_CALCULATOR", "lj")
    return f"{sys.executable} {FAKE_VASP}"


# custodian looks every 10 s whether VASP is done; the stand-in is done in one.
POLLING = {"polling_time_step": 0.1, "monitor_freq": 100}


def on_stand_in(engine: Engine, command: str) -> Engine:
    """The same engine with every Maker's VASP command replaced."""
    changed = {
        kind: replace(
            getattr(engine, kind),
            run_vasp_kwargs=getattr(engine, kind).run_vasp_kwargs
            | {
                "vasp_cmd": command,
                "vasp_gamma_cmd": command,
                "custodian_kwargs": POLLING,
            },
        )
        for kind in ("static", "relax", "md")
    }
    # No document may claim to come from VASP when the stand-in made it.
    return replace(engine, method=STAND_IN_METHOD, **changed)


@pytest.fixture
def stand_in_engine(stand_in_command) -> Engine:
    """The vasp engine, run by the stand-in; positions alone are relaxed."""
    settings = EngineSettings(name="vasp", max_steps=40, fmax=0.1, relax_cell=False)
    return on_stand_in(get_engine(settings), stand_in_command)


def stand_in(settings: EngineSettings) -> Engine:
    """Build the vasp engine on the stand-in, for `registry._BUILDERS`."""
    return on_stand_in(vasp_engine(settings), f"{sys.executable} {FAKE_VASP}")
