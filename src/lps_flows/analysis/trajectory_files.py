"""The diffusivity of anyone's trajectory: files of VASP, LAMMPS and ASE."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from pymatgen.core import Structure

from lps_flows.analysis.diffusivity import MIN_FRAMES, diffusivity
from lps_flows.analysis.frame_counts import FrameCount, count_frames
from lps_flows.analysis.frame_times import check_speed, frame_times
from lps_flows.analysis.trajectory import (
    Array,
    EmptyTrajectoryError,
    TooShortTrajectoryError,
    TrajectoryError,
    against_framework,
    cell_matrix,
    unwrap,
)
from lps_flows.schemas.md import Diffusivity

# What moves in solid electrolytes, the likelier first.
_CARRIERS = ("Li", "Na", "K", "Ag", "Cu", "Mg", "Zn", "Ca", "F")
# A change of the cell that displacements in its mean do not notice.
_STEADY = 1e-4
# Of LAMMPS's styles of units, those whose lengths are in Å.
_IN_ANGSTROM = ("metal", "real")


@dataclass(frozen=True)
class FileTrajectory:
    """Frames of a file.

    Attributes
    ----------
    structure
        First frame, in the mean cell.
    positions
        Unwrapped positions (Å), shape (n_frames, n_atoms, 3); of a cell that changes,
        the fractional ones in its mean.
    times
        Time of each frame (fs), shape (n_frames,).
    """

    structure: Structure
    positions: Array
    times: Array
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Frame:
    symbols: tuple[str, ...]
    scaled: Array
    cell: Array
    step: int | None = None
    """Step of the dynamics, where the file numbers them."""
    time: float | None = None
    """Time (fs), where the file tells it."""


def read_trajectory_file(
    path: str | Path,
    *,
    time_step: float | None = None,
    every: int = 1,
    species: Sequence[str] = (),
) -> FileTrajectory:
    """Read a trajectory: XDATCAR, vasprun.xml, LAMMPS text dump or extended XYZ.

    Parameters
    ----------
    path
        The file; compressed ones by gzip, bzip2 or xz are read, too. A last frame that
        is cut off is left out, with a warning.
    time_step
        Time step of the dynamics (fs); vasprun.xml tells it (POTIM), and extended XYZ
        may with a ``time`` (fs) of each frame.
    every
        Steps between two frames, where the file does not number them by steps, as
        LAMMPS does, and VASP in an XDATCAR of NBLOCK above 1.
    species
        Elements of LAMMPS's types, in their order, for a dump without elements.

    Raises
    ------
    EmptyTrajectoryError, TrajectoryError
        No frames, or a file that is not one of these, changes its atoms on the way,
        leaves open what `time_step` and `species` tell, or is of units in which atoms
        would move impossibly fast.

    Examples
    --------
    >>> from ase.io import write
    >>> from lps_flows.chemistry import crystal
    >>> atoms = crystal("Li2S").to_ase_atoms(msonable=False)
    >>> write("run.extxyz", [atoms] * 3)
    >>> trajectory = read_trajectory_file("run.extxyz", time_step=2.0, every=50)
    >>> trajectory.times.tolist()
    [0.0, 100.0, 200.0]
    """
    file = Path(path)
    try:
        frames, cut = _frames(file, tuple(species))
    except TrajectoryError:
        raise
    except (
        OSError,
        EOFError,
        ValueError,
        LookupError,
        SyntaxError,
        RuntimeError,
    ) as error:
        raise _unreadable(file, f"{type(error).__name__}: {error}") from error
    if not frames:
        raise EmptyTrajectoryError(
            "there are no frames in this file", field="file", value=str(file)
        )
    first = frames[0]
    for number, frame in enumerate(frames):
        if frame.symbols != first.symbols:
            raise _unreadable(file, f"the atoms of frame {number} are others")
    times = frame_times(
        [frame.time for frame in frames],
        [frame.step for frame in frames],
        time_step,
        every,
    )
    found = _joined(frames, times)
    check_speed(found.positions, times)
    remark = "the last frame is cut off, as of a run that was killed: it is left out"
    return replace(found, warnings=(*found.warnings, remark)) if cut else found


def _frames(file: Path, species: tuple[str, ...]) -> tuple[list[_Frame], bool]:
    """Return the whole frames of a file, and whether more of one follows."""
    kind = _kind(file)
    if kind == "vasprun":
        return list(_vasprun(file)), False
    with _opened(file) as lines:
        whole = count_frames(iter(lines), kind)
    return list(_READERS[kind](file, species, whole)), whole.cut


def file_diffusivity(
    trajectory: FileTrajectory,
    ions: str | None = None,
    *,
    skip: float = 0.0,
    jump_length: float = 3.0,
    min_jumps: float = 10.0,
) -> tuple[str, Diffusivity]:
    """Return which ions move in a trajectory, and their diffusivity.

    Displacements are those against the centre of mass of all other atoms.

    Parameters
    ----------
    ions
        Element; by default the only one of the structure that is known to conduct.
    skip
        Time at the beginning that is left out as equilibration (fs).
    jump_length, min_jumps
        As in `diffusivity`.

    Raises
    ------
    TrajectoryError
        When the ions are not there or cannot be chosen, too few frames are left, or
        the trajectory cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from lps_flows.chemistry import crystal
    >>> structure = crystal("Li2S")
    >>> steps = np.random.default_rng(0).normal(size=(400, len(structure), 3))
    >>> steps *= 0.3 * np.array([[[site.specie.symbol == "Li"] for site in structure]])
    >>> walk = structure.cart_coords + steps.cumsum(axis=0)
    >>> ions, found = file_diffusivity(
    ...     FileTrajectory(structure, walk, 10.0 * np.arange(400)))
    >>> ions, found.D > 0
    ('Li', True)
    """
    element = _chosen(trajectory.structure, ions)
    kept = trajectory.times - trajectory.times[0] >= skip
    if kept.sum() < MIN_FRAMES:
        raise TooShortTrajectoryError(
            f"{kept.sum()} frames are left of {len(kept)}, {MIN_FRAMES} are needed",
            field="skip",
            value=skip,
            remedy="Leave out less, run longer or store frames more often",
        )
    positions = against_framework(
        trajectory.structure, trajectory.positions[kept], element
    )
    chosen = [site.specie.symbol == element for site in trajectory.structure]
    diffusion = diffusivity(
        positions[:, chosen],
        trajectory.times[kept],
        jump_length=jump_length,
        min_jumps=min_jumps,
    )
    warnings = [*diffusion.warnings, *trajectory.warnings]
    return element, diffusion.model_copy(update={"warnings": warnings})


def _chosen(structure: Structure, ions: str | None) -> str:
    present = [element.symbol for element in structure.composition.elements]
    if ions is None:
        carriers = [element for element in _CARRIERS if element in present]
        if len(carriers) == 1:
            return carriers[0]
    elif ions in present:
        return ions
    raise TrajectoryError(
        "these ions are not in the trajectory"
        if ions
        else "which ions move cannot be told from the elements",
        field="ions",
        value=ions,
        remedy=f"Choose one of {', '.join(present)}",
    )


def _kind(file: Path) -> str:
    if "XDATCAR" in file.name.upper():
        return "xdatcar"
    with _opened(file) as lines:
        start = lines.read(200)
    if "ITEM: TIMESTEP" in start or "ITEM: UNITS" in start:
        return "lammps"
    return "vasprun" if start.lstrip().startswith("<?xml") else "extxyz"


def _opened(file: Path) -> IO[str]:
    from monty.io import zopen

    opened: IO[str] = zopen(file, "rt", encoding="utf-8", errors="replace")
    return opened


def _of_ase(source: Any, file_format: str, **options: Any) -> Iterator[_Frame]:
    from ase.io import iread

    for atoms in iread(source, format=file_format, **options):
        cell = cell_matrix(atoms.cell.array)
        yield _Frame(
            symbols=tuple(atoms.symbols),
            scaled=(atoms.positions - atoms.get_celldisp().T) @ np.linalg.inv(cell),
            cell=cell,
            step=atoms.info.get("timestep"),
            time=atoms.info.get("time"),
        )


def _xdatcar(file: Path, _: tuple[str, ...], whole: FrameCount) -> Iterator[_Frame]:
    # ASE reads all frames at once, so none must be cut off
    with _opened(file) as lines:
        content = StringIO("".join(islice(lines, whole.n_lines)))
    frames = _of_ase(content, "vasp-xdatcar", index=":")
    for frame, step in zip(frames, whole.steps, strict=True):
        yield replace(frame, step=step)


def _extxyz(file: Path, _: tuple[str, ...], whole: FrameCount) -> Iterator[_Frame]:
    return _of_ase(file, "extxyz", index=whole.index)


def _lammps(
    file: Path, species: tuple[str, ...], whole: FrameCount
) -> Iterator[_Frame]:
    with _opened(file) as lines:
        units = next(lines).startswith("ITEM: UNITS") and next(lines).strip()
        columns = next((line for line in lines if line.startswith("ITEM: ATOMS")), "")
    if units and units not in _IN_ANGSTROM:
        raise TrajectoryError(
            "the lengths of this dump are not in Å",
            field="ITEM: UNITS",
            value=units,
            remedy=f"Write it with units {' or '.join(_IN_ANGSTROM)}, or convert it",
        )
    if not species and not {"element", "mass"} & set(columns.split()):
        raise TrajectoryError(
            "this dump numbers its types and does not name their elements",
            field="species",
            value=columns.strip(),
            remedy="Name them in order (--species Li,P,S), or dump `element`, too",
        )
    return _of_ase(
        file,
        "lammps-dump-text",
        index=whole.index,
        specorder=list(species) if species else None,
    )


def _vasprun(file: Path) -> Iterator[_Frame]:
    from pymatgen.io.vasp import Vasprun

    with warnings.catch_warnings(action="ignore"):
        run = Vasprun(
            str(file),
            parse_dos=False,
            parse_eigen=False,
            parse_potcar_file=False,
            exception_on_bad_xml=False,  # of a run that was cut off
        )
    step = float(run.parameters["POTIM"])
    for number, structure in enumerate(run.structures):
        yield _Frame(
            symbols=tuple(site.specie.symbol for site in structure),
            scaled=structure.frac_coords,
            cell=structure.lattice.matrix,
            time=number * step,
        )


_READERS = {
    "xdatcar": _xdatcar,
    "lammps": _lammps,
    "extxyz": _extxyz,
}


def _joined(frames: Sequence[_Frame], times: Array) -> FileTrajectory:
    cells = np.array([frame.cell for frame in frames])
    mean = cells.mean(axis=0)
    change = float(np.abs(cells - mean).max() / np.linalg.norm(mean, axis=1).min())
    remarks = []
    if change > _STEADY:
        remarks.append(
            f"the cell changes by up to {100 * change:.2g} % of a vector: "
            "displacements are fractional ones in its mean"
        )
    positions, _ = unwrap(np.array([frame.scaled for frame in frames]) @ mean, mean)
    structure = Structure(mean, frames[0].symbols, frames[0].scaled)
    return FileTrajectory(structure, positions, times, tuple(remarks))


def _unreadable(file: Path, why: str) -> TrajectoryError:
    return TrajectoryError(
        f"this is no trajectory that can be read ({why})",
        field="file",
        value=str(file),
        remedy="Give an XDATCAR, a vasprun.xml, a text dump of LAMMPS or extended XYZ "
        "with a cell, every frame with the same atoms in one order",
    )
