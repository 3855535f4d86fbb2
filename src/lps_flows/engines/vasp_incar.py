"""INCAR keys that a campaign may not set: other settings steer them, or VASP has none.

Times and temperatures of dynamics are those of the settings, whatever stood in INCAR.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from lps_flows.engines.settings import VaspSettings

_KIND = "the kind of calculation"
_TEMPERATURES = "dataset.md_temperature and conductivity.temperatures"
_STEERED_BY = {
    "EDIFF": "vasp.ediff_per_atom (single points) and vasp.ediff",
    "EDIFFG": "engine.fmax",
    "IBRION": _KIND,
    "ISIF": "engine.relax_cell",
    "MDALGO": _KIND,
    "NSW": "engine.max_steps and the lengths of the dynamics",
    "POTIM": "engine.md.time_step and conductivity.time_step",
    "SIGMA": "vasp.sigma",
    "SMASS": _KIND,
    "TEBEG": _TEMPERATURES,
    "TEEND": _TEMPERATURES,
}
# Tags of newer versions and of patches that pymatgen's list lacks and that resemble
# others on it; ML_ begins those of machine-learned force fields.
_NEWER = (
    *("AMGGA", "BPARAM", "CMBJE", "CPARAM", "LCHARGH5", "LPARDH", "LWAVEH5"),
    *("NELMGW", "SIGMA_K", "WANNIER90_WIN"),
)
_TYPO = 0.8


def incar_problems(vasp: VaspSettings) -> Iterator[str]:
    """Yield what is wrong with the keys of ``incar``: which one, why, and the remedy.

    A key that removes one (null) counts as one that sets it. What pymatgen's list lacks
    is refused only where it looks like a slip: VASP has tags that the list has not.

    Examples
    --------
    >>> from lps_flows.engines.settings import VaspSettings
    >>> list(incar_problems(VaspSettings(incar={"ENCTU": 600})))
    ['incar.ENCTU = 600: VASP has no such key. Did you mean ENCUT?']
    >>> list(incar_problems(VaspSettings(incar={"ISIF": 2})))
    ['incar.ISIF = 2: steered by engine.relax_cell. Leave it out']
    """
    for key, value in vasp.incar.items():
        stated = f"incar.{key} = {value!r}: "
        if key in _STEERED_BY:
            yield f"{stated}steered by {_STEERED_BY[key]}. Leave it out"
        elif key == "ENCUT" and value is None:
            yield f"{stated}every energy needs one cutoff. Set vasp.encut instead"
        elif meant := _meant(key):
            yield f"{stated}VASP has no such key. Did you mean {meant}?"


def _meant(key: str) -> str | None:
    """Return the tag that a misspelt key comes closest to; None for a known one."""
    if key in _tags() or key in _NEWER or key.startswith("ML_"):
        return None
    return next(iter(get_close_matches(key, _tags(), n=1, cutoff=_TYPO)), None)


@cache
def _tags() -> tuple[str, ...]:
    listed = files("pymatgen.io.vasp") / "incar_parameters.json"
    return tuple(json.loads(listed.read_text(encoding="utf-8")))
