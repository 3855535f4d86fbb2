"""Reading labelled structures: folders of XSF files, extxyz and whatever ASE reads."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import chain, compress
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import iterparse

import numpy as np
from ase import Atoms
from ase.io import read
from monty.io import zopen

from lps_flows.potential.errors import PotentialFileError
from lps_flows.potential.xsf import read_xsf

# Å and Å^3 that no structure has.
_FURTHEST, _SMALLEST_VOLUME = 1e6, 1e-3
# A line with a number of atoms, and the columns of a property, as int() reads them.
_COUNTS = re.compile(rb"^\s*\+?(\d[\d_]*)\s*$|:\w:\+?(\d[\d_]*)")
_MOST_DIGITS = 20
_NELM = re.compile(r"\s*NELM\s*=\s*(\d{1,9})\b")
# of the second number, that of the electronic step; the first is the ionic one's
_ITERATION = re.compile(r"-\s*Iteration\s+\d+\(\s*(\d{1,9})\s*\)")
_COMPRESSED, _BLOCK = {".gz", ".bz2", ".xz"}, 1 << 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelledStructures:
    """Structures with total energies (eV) and, where known, forces (eV/Å).

    Examples
    --------
    >>> from ase import Atoms
    >>> from lps_flows.potential import LabelledStructures
    >>> LabelledStructures([Atoms("LiH")], [-6.0], [None]).energies
    [-6.0]
    """

    structures: list[Atoms]
    energies: list[float]
    forces: list[np.ndarray | None]


def read_labelled(
    paths: str | Path | Iterable[str | Path],
    *,
    energy_key: str | None = None,
    forces_key: str | None = None,
) -> LabelledStructures:
    """Read structures with energies.

    Parameters
    ----------
    paths
        A file, a folder (its ``*.xsf`` files in name order), or several of them.
        ``.xsf`` is ænet's format; everything else (extxyz, vasprun.xml, OUTCAR) goes
        through ASE, all frames of it but, of VASP's, those whose electrons did not
        converge.
    energy_key
        Name of the total energy (eV) in files that ASE reads, for example
        "REF_energy"; by default "energy".
    forces_key
        Name of the forces (eV/Å), for example "REF_forces"; by default "forces". With
        "", no forces are read.

    Returns
    -------
    LabelledStructures
        All frames in order; atoms that a file holds fixed are free.

    Raises
    ------
    XSFError, PotentialFileError
        When a file is malformed or a frame lacks its energy, or holds forces under
        another name than asked for; the names it holds are listed.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import read_labelled, write_xsf
    >>> path = write_xsf("Li2S.xsf", crystal("Li2S"), -48.0)
    >>> read_labelled([path, path]).energies
    [-48.0, -48.0]
    """
    labelled = LabelledStructures([], [], [])
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        here = Path(path).expanduser()
        for file in sorted(_xsf_files(here)) if here.is_dir() else [here]:
            for k, atoms in enumerate(_frames(file)):
                frame = _Frame(file, k, atoms)
                # ænet's format has no names
                named = file.suffix.lower() != ".xsf"
                labelled.energies.append(frame.energy(energy_key if named else None))
                labelled.forces.append(
                    frame.forces(forces_key if named or not forces_key else None)
                )
                # forces are those of all atoms, whatever a later relaxation may move
                atoms.set_constraint()
                labelled.structures.append(atoms)
    if not labelled.structures:
        raise PotentialFileError(
            "no structure found",
            field="paths",
            value=str(paths),
            remedy="Give XSF or extxyz files, or a folder of XSF files",
        )
    return labelled


def _xsf_files(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.suffix.lower() == ".xsf"]


def _frames(file: Path) -> list[Atoms]:
    if file.suffix.lower() == ".xsf":
        return [read_xsf(file)]
    try:
        _check_counts(file)
        frames = _read(file)
    except PotentialFileError:
        raise
    # each of ASE's readers raises what it happens to raise over a malformed file
    except Exception as error:
        raise PotentialFileError(
            f"cannot be read ({type(error).__name__}: {error})",
            field="path",
            value=str(file),
            remedy="Give a file that ase.io.read understands",
        ) from None
    frames = [frames] if isinstance(frames, Atoms) else list(frames)
    for number, atoms in enumerate(frames):
        problem = _impossible(atoms)
        if problem is not None:
            raise PotentialFileError(
                f"frame {number} has {problem}",
                field="path",
                value=str(file),
                remedy="Look at how the file was written",
            )
    if ".xml" in (suffix.lower() for suffix in file.suffixes):
        converged = _converged_steps(file, len(frames))
    elif "OUTCAR" in file.name:  # by which ASE tells it, too
        converged = _converged_in_outcar(file, len(frames))
    else:
        return frames
    if not all(converged):
        logger.warning(
            "%s: left out %d of %d steps whose electrons did not converge",
            file,
            converged.count(False),
            len(frames),
        )
    return list(compress(frames, converged))


def _read(file: Path) -> Any:
    if not _is_xyz(file) or file.suffix.lower() not in _COMPRESSED:
        return read(file, ":")
    # ASE goes back and forth between frames: each time from the start of such a file
    with zopen(file, "rt", encoding="utf-8") as stream:
        content = StringIO(stream.read())
    return read(content, ":", format="extxyz")


def _is_xyz(file: Path) -> bool:
    """Tell whether a name is that of (extended) XYZ, compressed or not."""
    plain = Path(file.stem) if file.suffix.lower() in _COMPRESSED else file
    return plain.suffix.lower() in {".xyz", ".extxyz"}


def _check_counts(file: Path) -> None:
    """Refuse counts of atoms or columns that ASE would make room for, line by line."""
    if not _is_xyz(file) or not file.is_file():
        return
    with zopen(file, "rb") as stream:
        most = sum(map(len, iter(partial(stream.read, _BLOCK), b"")))
    with zopen(file, "rb") as lines:
        for line in lines:
            for count in filter(None, chain(*_COUNTS.findall(line))):
                if len(count) > _MOST_DIGITS or int(count.replace(b"_", b"")) > most:
                    raise PotentialFileError(
                        f"it announces {count[:_MOST_DIGITS].decode()} atoms or "
                        f"columns in {most} bytes",
                        field="path",
                        value=str(file),
                        remedy="Look at how the file was written",
                    )


def _impossible(atoms: Atoms) -> str | None:
    """Say what no frame can have; None when it may be one."""
    if len(atoms) == 0:
        return "no atoms"
    numbers = np.concatenate([atoms.positions, atoms.cell.array])
    if not (np.abs(numbers) < _FURTHEST).all():
        return "positions or a cell that are not finite"
    if atoms.pbc.any() and abs(atoms.cell.volume) < _SMALLEST_VOLUME * atoms.pbc.all():
        return "a periodic cell without volume"
    return None


def _converged_steps(file: Path, n_steps: int) -> list[bool]:
    """Tell which ionic steps of a vasprun.xml ended before NELM electronic ones."""
    most, counts = math.inf, []
    with zopen(file, "rb") as stream:
        for _, element in iterparse(stream):  # noqa: S314 - ASE has read it as well
            if element.tag == "i" and element.get("name") == "NELM":
                most = int(str(element.text))
            elif element.tag == "calculation":
                counts.append(len(element.findall("scstep")))
    return _padded([count < most for count in counts], n_steps)


def _converged_in_outcar(file: Path, n_steps: int) -> list[bool]:
    """Tell the same of an OUTCAR, which in newer versions of VASP says it, too."""
    most, count, said = math.inf, 0, ""
    converged = []
    with zopen(file, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if match := _NELM.match(line):
                most = int(match[1])
            elif match := _ITERATION.search(line):
                count = int(match[1])
            elif "aborting loop" in line:
                said = line
            elif "FREE ENERGIE OF THE ION-ELECTRON SYSTEM" in line:
                reached = "EDIFF is reached" in said
                converged.append(
                    reached or (count < most and "not reached" not in said)
                )
                count, said = 0, ""
    return _padded(converged, n_steps)


def _padded(converged: list[bool], n_steps: int) -> list[bool]:
    converged = converged[:n_steps]
    return converged + [True] * (n_steps - len(converged))


@dataclass(frozen=True)
class _Frame:
    """What one frame of a file says of itself, by the names it uses."""

    file: Path
    number: int
    atoms: Atoms

    def energy(self, key: str | None) -> float:
        key = key or "energy"
        value = self.values.get(key)
        if value is None:
            raise self.error(f"no {key}", "energy_key")
        numbers = self.array(key, value)
        if numbers.size != 1:
            raise self.error(f"{numbers.size} numbers as {key!r}", "energy_key")
        return float(numbers.reshape(()))

    def forces(self, key: str | None) -> np.ndarray | None:
        if key == "":
            return None
        value = self.values.get(key or "forces")
        if value is None:
            alike = [name for name in self.values if "force" in name.lower()]
            if key is not None or alike:
                raise self.error(f"no {key or 'forces'}", "forces_key")
            return None
        forces = self.array(key or "forces", value)
        if forces.shape != self.atoms.positions.shape:
            raise self.error(
                f"{key or 'forces'!r} of shape {forces.shape}", "forces_key"
            )
        return forces

    @property
    def values(self) -> dict[str, Any]:
        """Everything that is stored with the frame but species, places and cell."""
        results = {} if self.atoms.calc is None else self.atoms.calc.results
        arrays = {
            name: array
            for name, array in self.atoms.arrays.items()
            if name not in ("numbers", "positions")
        }
        return {**self.atoms.info, **arrays, **results}

    def array(self, key: str, value: Any) -> np.ndarray:
        """Return numbers, all of them finite."""
        numbers = np.asarray(value)
        if numbers.dtype.kind not in "iuf":
            raise self.error(f"{value!r} as {key!r}, no number", "energy_key")
        if not np.isfinite(numbers).all():
            raise self.error(f"{key!r} that is not finite", "energy_key")
        return numbers.astype(float)

    def error(self, problem: str, argument: str) -> PotentialFileError:
        names = ", ".join(sorted(self.values)) or "nothing but atoms"
        return PotentialFileError(
            f"frame {self.number} has {problem}; it holds: {names}",
            field="path",
            value=str(self.file),
            remedy=f"Name the right one with {argument}=, or write energies (eV) and "
            "forces (eV/Å) with the structures",
        )
