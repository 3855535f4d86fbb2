"""Crystals from CIF and POSCAR files; what contradicts itself or is silent is refused.

pymatgen reads the geometry. It guesses where a file says nothing (elements, symmetry)
and passes over what it does not know; the checks here compare its reading with what
the file states.
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core import Composition, Structure, SymmOp
from pymatgen.symmetry.groups import SpaceGroup

from lps_flows.chemistry.bare import bare_structure, implausible, is_element
from lps_flows.foundation import LpsFlowsError

if TYPE_CHECKING:
    from pymatgen.io.cif import CifParser
    from pymatgen.io.vasp import Poscar

logger = logging.getLogger(__name__)

# What pymatgen raises over malformed files; some of it are warnings, raised.
_UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    Warning,
)

_TYPE_SYMBOL = re.compile(r"([A-Za-z]{1,2})(\d*[+-]?|[+-]\d*)")
_OPERATIONS = (
    "_symmetry_equiv_pos_as_xyz",
    "_space_group_symop_operation_xyz",
    "_space_group_symop.operation_xyz",
)
_SYMBOLS = (
    "_symmetry_space_group_name_H-M",
    "_space_group_name_H-M_alt",
    "_symmetry_space_group_name_Hall",
    "_space_group_name_Hall",
)
_NUMBERS = ("_symmetry_Int_Tables_number", "_space_group_IT_number")

# Stated and found amounts may differ by this part: formulas are rounded.
_SAME_AMOUNT = 0.01


# pymatgen takes minutes over what looks like a coefficient and is none
_TOO_LONG = re.compile(r"[\d.]{41}")


class OwnCrystalError(LpsFlowsError):
    """A crystal of one's own cannot be made or read."""


def read_crystal(path: Path, *, ordered: bool = True) -> Structure:
    """Read a crystal from a CIF (.cif) or POSCAR file (.vasp, .poscar).

    Oxidation states, selective dynamics, velocities and moments of the file are left
    out; that atoms were held fixed is said in a warning of the log.

    Parameters
    ----------
    ordered
        Refuse sites that are partly occupied.

    Raises
    ------
    OwnCrystalError
        When the file cannot be read, names no elements or no symmetry, does not agree
        with its own formula, volume or space group, is disordered, or holds atoms that
        overlap (which sites of a disordered one may).
    """
    readers = {".cif": _from_cif, ".vasp": _from_poscar, ".poscar": _from_poscar}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise _error(path, "the ending names no format that is read")
    try:
        with warnings.catch_warnings():
            # what pymatgen warns of is checked here, and refused
            warnings.simplefilter("ignore")
            text = path.read_text(encoding="utf-8-sig")
            if _TOO_LONG.search(text):
                raise _error(path, "it holds a number of more than 40 digits")
            structure = read(path, text, ordered=ordered)
    except _UNREADABLE as error:
        raise _error(path, f"the structure cannot be read: {error}") from error
    return bare_structure(structure)


def _refuse(path: Path, problems: Iterator[str]) -> None:
    problem = next(problems, None)
    if problem is not None:
        raise _error(path, problem)


def _impossible(structure: Structure, *, ordered: bool) -> Iterator[str]:
    if not structure.is_ordered:
        if ordered:
            yield "the structure is disordered"
    elif (problem := implausible(structure)) is not None:
        yield problem


def _error(path: Path, problem: str) -> OwnCrystalError:
    return OwnCrystalError(
        problem,
        field="own_crystals.file",
        value=str(path),
        remedy="Name an ordered structure in a .cif, .vasp or .poscar file that says "
        "its elements and agrees with itself; `order` fills sites that are partly "
        "occupied",
    )


def _from_poscar(path: Path, text: str, *, ordered: bool) -> Structure:
    from pymatgen.io.vasp import Poscar

    _refuse(path, _too_many_atoms(text.splitlines()))
    poscar = Poscar.from_str(text, read_velocities=False)
    _refuse(path, _poscar_problems(poscar, text.splitlines()))
    _refuse(path, _impossible(poscar.structure, ordered=ordered))
    fixed = np.invert(np.array(poscar.selective_dynamics or [], dtype=bool))
    if fixed.any():
        logger.warning(
            "%s: selective dynamics hold %d of %d atoms; all of them will move",
            path,
            fixed.any(axis=1).sum(),
            len(poscar.structure),
        )
    return poscar.structure


def _too_many_atoms(lines: list[str]) -> Iterator[str]:
    """Find numbers of atoms beyond those of the lines: a reader makes room for them."""
    for word in " ".join(lines[5:7]).split():
        if word.isdigit() and (len(word) > 9 or int(word) > len(lines)):
            yield f"it says {word[:20]} atoms, and has {len(lines)} lines"


def _poscar_problems(poscar: Poscar, lines: list[str]) -> Iterator[str]:
    words = [line.partition("#")[0].split() for line in lines[5:]]
    if not poscar.true_names:
        yield (
            "line 6 names no elements (a file of VASP 4), it holds "
            f"{' '.join(words[0])!r}: write their symbols into a line above it"
        )
        return
    # lines of symbols, as many of numbers; VASP 4 has one of numbers
    n_lines = next(k for k, line in enumerate(words) if line[0].isdigit())
    named = [re.split("[/_]", word)[0] for line in words[:n_lines] for word in line]
    counted = sum(len(line) for line in words[n_lines : 2 * n_lines])
    for symbol in named:
        if not is_element(symbol):
            yield f"line 6: {symbol!r} is no element; isotopes are not known"
    if n_lines and len(named) != counted:
        yield f"line 6 names {len(named)} elements, {counted} numbers follow"
    start = 2 * n_lines or 1
    selective = words[start][0][0] in "sS"
    start += 1 + selective
    for k, site in enumerate(poscar.structure):
        symbol = site.specie.symbol
        label = words[start + k][6 if selective else 3 :][:1]
        if label and is_element(label[0]) and label[0] != symbol:
            yield f"line {start + k + 6} ends with {label[0]}, line 6 makes it {symbol}"


def _from_cif(path: Path, text: str, *, ordered: bool) -> Structure:
    from pymatgen.io.cif import CifFile, CifParser

    blocks = [
        block.data
        for block in CifFile.from_str(text).data.values()
        if "_atom_site_fract_x" in block.data
    ]
    if len(blocks) != 1:
        raise _error(path, f"{len(blocks)} blocks of it hold atoms, not one")
    _refuse(path, _unsaid(blocks[0]))
    parser = CifParser.from_str(text, check_cif=False)
    structure = parser.parse_structures(primitive=False, on_error="raise")[0]
    for problems in (
        _wrong_symmetry(blocks[0], parser),
        _impossible(structure, ordered=ordered),
        _wrong_amounts(blocks[0], structure),
    ):
        _refuse(path, problems)
    return structure


def _unsaid(block: dict[str, Any]) -> Iterator[str]:
    """Name what pymatgen would drop or guess."""
    labels = block.get("_atom_site_label", [])
    for symbol in block.get("_atom_site_type_symbol", []):
        match = _TYPE_SYMBOL.fullmatch(symbol)
        if match is None or not is_element(match[1].title()):
            yield f"the type symbol {symbol!r} is no element; isotopes are not known"
    for label in [] if "_atom_site_type_symbol" in block else labels:
        letters = re.match(r"[A-Za-z]*", label)[0].title()  # type: ignore[index]
        if not (is_element(letters[:2]) or is_element(letters[:1])):
            yield f"the label {label!r} names no element"
    for key in ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z"):
        for label, value in zip(labels, block.get(key, []), strict=False):
            if value.strip() in ("?", "."):
                yield f"{key} of {label} is not given"
    if not any(block.get(key) for key in (*_OPERATIONS, *_SYMBOLS, *_NUMBERS)):
        yield (
            "it says nothing of its symmetry: list the operations, 'x, y, z' alone if "
            "all atoms are given"
        )


def _wrong_symmetry(block: dict[str, Any], parser: CifParser) -> Iterator[str]:
    order = _point_group_order(parser.symmetry_operations)
    symbol, number = (
        next((str(block[key]).strip() for key in keys if block.get(key)), "")
        for keys in (_SYMBOLS, _NUMBERS)
    )
    listed = any(block.get(key) for key in _OPERATIONS)
    taken = any("Spacegroup from" in warning for warning in vars(parser)["warnings"])
    if symbol and not (listed or taken):
        yield f"the setting {symbol!r} is not known: list its symmetry operations"
    groups = [SpaceGroup.from_int_number(int(number))] if number.isdigit() else []
    with contextlib.suppress(ValueError):
        # symbols of other settings are not known, and need not be
        groups.append(SpaceGroup(re.sub(r"[\s_]", "", symbol)))
    for group in groups:
        wanted = _point_group_order(group.symmetry_ops)
        if wanted != order:
            yield (
                f"space group {group.symbol} has {wanted} rotations, the symmetry "
                f"operations of the file have {order}"
            )


def _point_group_order(operations: Iterable[SymmOp]) -> int:
    """Count distinct rotations, the same in every setting of a space group."""
    matrices = (np.round(each.rotation_matrix).astype(int) for each in operations)
    return len({tuple(matrix.ravel()) for matrix in matrices})


def _wrong_amounts(block: dict[str, Any], structure: Structure) -> Iterator[str]:
    volume = re.match(r"[\d.]+", str(block.get("_cell_volume", "")).strip())
    if volume and abs(float(volume[0]) / structure.volume - 1) > _SAME_AMOUNT:
        yield f"its volume is {structure.volume:.4g} Å^3, it says {volume[0]}"
    stated = str(block.get("_chemical_formula_sum", "")).strip()
    if stated in ("", "?", "."):
        return
    formula = Composition(stated).element_composition
    given = structure.composition.element_composition
    names = f"{given.reduced_formula}, its formula is {stated!r}"
    if not given.fractional_composition.almost_equals(
        formula.fractional_composition, rtol=_SAME_AMOUNT, atol=1e-4
    ):
        yield f"the atoms make {names}: sites are missing, doubled or not symmetric"
    units = str(block.get("_cell_formula_units_Z", "")).strip()
    if units.isdigit():
        # some programs state the formula of the cell and units of the reduced one
        possible = {formula.num_atoms, formula.num_atoms * int(units)}
        if all(abs(n - given.num_atoms) > 0.5 for n in possible):
            yield (
                f"the cell holds {given.num_atoms:g} atoms, {units} units of "
                f"{stated!r} are {max(possible):g}"
            )
