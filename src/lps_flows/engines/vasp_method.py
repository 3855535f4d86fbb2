"""The method string of VASP: every setting that changes energies, in a stable order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from atomate2.vasp.sets.base import _BASE_VASP_SET

from lps_flows.engines.settings import VaspSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

_FUNCTIONALS = {
    "PE": "pbe",
    "PS": "pbesol",
    "RP": "rpbe",
    "RE": "revpbe",
    "AM": "am05",
    "CA": "lda",
}
_DISPERSION = {
    "1": "d2",
    "10": "d2",
    "11": "d3",
    "12": "d3bj",
    "13": "d4",
    "2": "ts",
    "20": "ts",
    "202": "mbd",
    "4": "ddsc",
}
# Keys that say how energies are computed, stored or followed, not which they are.
_NO_ENERGY = frozenset(
    key
    for line in (
        "SYSTEM NWRITE LWAVE LCHARG LVTOT LVHAR LELF LORBIT LAECHG NEDOS EMIN EMAX",
        "NCORE NPAR KPAR NSIM LPLANE LSCALU LSCALAPACK LASYNC NCORE_IN_IMAGE1",
        "ISTART ICHARG INIWAV ALGO IALGO NELM NELMIN NELMDL LDIAG LSUBROT ISEARCH",
        "TIME IMIX AMIX BMIX AMIX_MAG BMIX_MAG AMIN WC MAXMIX MIXPRE",
        "ISYM SYMPREC IBRION NSW POTIM ISIF EDIFFG NFREE NBLOCK KBLOCK NPACO APACO",
        "MDALGO SMASS TEBEG TEEND RANDOM_SEED ANDERSEN_PROB LANGEVIN_GAMMA",
        "LANGEVIN_GAMMA_L PMASS",
    )
    for key in line.split()
)
_UNSET = ("", "NONE", "--")


def vasp_method(settings: VaspSettings) -> str:
    """Return the method string, ``vasp-pbe-520`` for the default settings.

    Functional and cutoff come first; what else differs from the defaults follows:
    dispersion, INCAR keys that change energies, k-points, PAW data sets.

    Examples
    --------
    >>> from lps_flows.engines.settings import VaspSettings
    >>> from lps_flows.engines.vasp_method import vasp_method
    >>> vasp_method(VaspSettings(incar={"METAGGA": "R2SCAN", "IVDW": 13, "NCORE": 4}))
    'vasp-r2scan-520-d4'
    """
    plain = _incar(VaspSettings())
    incar = plain | _incar(settings)
    meta, gga = incar.pop("METAGGA"), incar.pop("GGA")
    functional = _FUNCTIONALS.get(gga, gga) if meta in _UNSET else meta
    # without the key, the functional is that of the PAW data sets
    parts = ["vasp", functional.lower() or "potcar", incar.pop("ENCUT").lower()]
    dispersion = incar.pop("IVDW")
    if dispersion not in (*_UNSET, "0"):
        parts.append(_DISPERSION.get(dispersion, f"ivdw={dispersion}"))
    if incar.pop("ISPIN") == "2":
        parts.append("spin")
    parts += [
        f"{key.lower()}={value.replace('/ATOM', '/atom') or 'unset'}"
        for key, value in sorted(incar.items())
        if value != plain.get(key, "")
    ]
    if settings.kpoint_length != VaspSettings().kpoint_length:
        parts.append(f"k{settings.kpoint_length}")
    return "-".join([*parts, *_potcars(settings)])


def _incar(settings: VaspSettings) -> dict[str, str]:
    """Return the keys that change energies, in one way of writing each."""
    given: dict[str, Any] = {
        "GGA": "PE",
        "METAGGA": None,
        "IVDW": 0,
        "PREC": "Accurate",
        "ENCUT": settings.encut,
        "EDIFF": f"{settings.ediff_per_atom:g}/atom",
        "ISMEAR": 0,
        "SIGMA": settings.sigma,
        "LREAL": False,
        "LASPH": True,
        "ISPIN": 2 if settings.spin_polarised else 1,
        "LDAU": False,
        "LHFCALC": False,
        **settings.incar,
    }
    incar = {key: _written(value) for key, value in given.items()}
    if incar["ISPIN"] == "1":
        incar.pop("MAGMOM", None)
    if incar["LDAU"] == "F":
        incar = {key: value for key, value in incar.items() if key[:4] != "LDAU"}
        incar["LDAU"] = "F"
    return {key: value for key, value in incar.items() if key not in _NO_ENERGY}


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "_".join(f"{key}{_written(value[key])}" for key in sorted(value))
    if isinstance(value, (list, tuple)):
        return "_".join(_written(each) for each in value)
    text = "" if value is None else str(value).strip().upper()
    if text.strip(".") in ("TRUE", "T", "FALSE", "F"):
        return text.strip(".")[0]
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.replace(" ", "_")


def _potcars(settings: VaspSettings) -> Iterator[str]:
    default = VaspSettings()
    if settings.potcar_functional != default.potcar_functional:
        yield settings.potcar_functional
    known = {**_BASE_VASP_SET["POTCAR"], **default.potcar}
    chosen = {**_BASE_VASP_SET["POTCAR"], **settings.potcar}
    for element in sorted(chosen):
        if chosen[element] != known.get(element):
            yield chosen[element]
