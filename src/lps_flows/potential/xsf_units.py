"""Units that comments of an XSF file state."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ase.units import Bohr, Hartree, Rydberg, kcal, kJ, mol

from lps_flows.potential.fortran import parse_real

# in eV and in Å, by the names that programs give them
_ENERGIES = {
    **dict.fromkeys(("ev", "electronvolt"), 1.0),
    "mev": 1e-3,
    "kev": 1e3,
    **dict.fromkeys(("ry", "ryd", "rydberg", "rydbergs"), Rydberg),
    **dict.fromkeys(("ha", "hartree", "hartrees", "eh", "a.u.", "au"), Hartree),
    "kj/mol": kJ / mol,
    "kcal/mol": kcal / mol,
}
_LENGTHS = {
    **dict.fromkeys(("å", "a", "ang", "ang.", "angstrom", "angstroms"), 1.0),
    **dict.fromkeys(("bohr", "a0", "a.u.", "au"), Bohr),
}

# A comma within the number belongs to it, and makes it none: it may stand for a point.
_ENERGY = re.compile(
    r"total\s+energy\s*([([][^])]*[])])?\s*[=:]\s*"
    r"([^\s,;([]+(?:,[^\s,;([]+)*)\s*([^,;#]*)",
    re.IGNORECASE,
)
_FORCES = re.compile(
    r"#.*\bforces?\s*(?:units?)?\s*(?:are|is)?\s*(?:in)?\s*[:=([]?\s*"
    r"([a-z.]+)\s*(?:/|\bper\b)\s*([a-zåÅ.]+\d?)",
    re.IGNORECASE,
)
# Statements are short; to search what is long takes time.
_LONGEST = 300
# a word, or words over each other: eV, eV/atom, kJ per mol
_UNIT = re.compile(r"[([]?\s*([A-Za-z.]+(?:\s*(?:/|\bper\b)\s*[A-Za-z.]+)*)")


def states_energy(line: str) -> bool:
    """Tell whether a line states the total energy."""
    return _ENERGY.search(line[:_LONGEST]) is not None


def total_energy(line: str, n_atoms: int) -> tuple[float, str]:
    """Return the energy (eV) and unit of a line that `states_energy`, or ValueError."""
    before, number, after = _ENERGY.search(line[:_LONGEST]).groups()  # type: ignore[union-attr]
    units = {_unit(text) for text in (before, after) if text and text.strip()} or {"ev"}
    whole = {unit.removesuffix("/atom").removesuffix("/cell") for unit in units}
    if len(units) > 1 or not whole <= set(_ENERGIES):
        raise ValueError(f"the unit of the energy is not known: {', '.join(units)!r}")
    energy = parse_real(number) * _ENERGIES[whole.pop()]
    unit = units.pop()
    return energy * (n_atoms if unit.endswith("/atom") else 1), unit


def _unit(text: str) -> str:
    match = _UNIT.match(text.strip())
    # a thousandth and a million differ by a capital
    if match is None or match[1].startswith("MeV"):
        return text.strip()
    return re.sub(r"\s*(?:/|\bper\b)\s*", "/", match[1].lower())


def force_unit(lines: Sequence[str], energy_unit: str) -> float:
    """Return the unit of the forces (eV/Å): a stated one, or ænet's.

    With another unit of energy than eV, one that is not said is a ValueError.
    """
    for line in lines:
        match = _FORCES.search(line[:_LONGEST])
        if match:
            energy, length = (word.lower() for word in match.groups())
            if energy not in _ENERGIES or length not in _LENGTHS:
                raise ValueError(
                    f"the unit of the forces is not known: {match[1]}/{match[2]}"
                )
            return _ENERGIES[energy] / _LENGTHS[length]
    if not energy_unit.startswith("ev"):
        raise ValueError(
            f"the energy is in {energy_unit}, and the unit of the forces is not said; "
            "add a comment like '# forces in eV/Ang'"
        )
    return 1.0
