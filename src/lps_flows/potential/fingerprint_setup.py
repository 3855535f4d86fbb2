"""ænet's fingerprint set-up files (.stp)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lps_flows.foundation.writing import write_text
from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.errors import DescriptorError, PotentialFileError
from lps_flows.potential.fortran import count, parse_real

_KEYS = ("radial_Rc", "radial_N", "angular_Rc", "angular_N")
_DEFAULT_RMIN = 1.0


@dataclass(frozen=True)
class FingerprintSetup:
    """What a set-up file says.

    Parameters
    ----------
    descriptor
        Descriptor over the environment elements, in the file's order.

    Examples
    --------
    >>> from lps_flows.potential import ChebyshevDescriptor, FingerprintSetup
    >>> FingerprintSetup("Li", ChebyshevDescriptor(["Li", "P", "S"])).element
    'Li'
    """

    element: str
    descriptor: ChebyshevDescriptor
    description: tuple[str, ...] = ()


class _Lines:
    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.lines = path.read_text(encoding="latin-1").splitlines()
        except OSError as error:
            raise self.error(f"cannot be read ({error})") from None
        self.at = 0

    def error(self, problem: str) -> PotentialFileError:
        where = f"line {self.at}: " if getattr(self, "at", 0) else ""
        return PotentialFileError(
            where + problem,
            field="path",
            value=str(self.path),
            remedy="A set-up has DESCR, ATOM, ENV, RMIN and BASIS type=Chebyshev",
        )

    def next(self, what: str) -> str:
        if self.at >= len(self.lines):
            raise self.error(f"the file ends where {what} is expected")
        self.at += 1
        return self.lines[self.at - 1]

    def number(self, word: str) -> float:
        try:
            return parse_real(word)
        except ValueError as error:
            raise self.error(str(error)) from None


def read_setup(path: str | Path) -> FingerprintSetup:
    """Read a ``.stp`` file with a Chebyshev basis.

    Raises
    ------
    PotentialFileError
        Naming file and line when it is malformed or of another basis.

    Examples
    --------
    >>> from lps_flows.potential import (
    ...     ChebyshevDescriptor, FingerprintSetup, read_setup, write_setup)
    >>> setup = FingerprintSetup("S", ChebyshevDescriptor(["Li", "S"], 6.0, 10, 4.0, 2))
    >>> read_setup(write_setup("S.stp", setup)).descriptor.angular
    (4.0, 2)
    """
    lines = _Lines(Path(path).expanduser())
    element = ""
    environment: list[str] = []
    description: list[str] = []
    rmin = _DEFAULT_RMIN
    values: dict[str, float] = {}
    while lines.at < len(lines.lines):
        words = lines.next("a keyword").split()
        if not words or words[0].startswith(("#", "!")):
            continue
        keyword = words[0].lower()
        if keyword == "descr":
            description = _description(lines)
        elif keyword == "atom" and len(words) > 1:
            element = words[1]
        elif keyword == "env" and len(words) > 1:
            environment = _environment(lines, words[1])
        elif keyword == "rmin" and len(words) > 1:
            rmin = lines.number(words[1])
        elif keyword == "basis":
            values = _basis(lines, " ".join(words))
        else:
            raise lines.error(f"unknown keyword {words[0]!r}, or nothing after it")
    lines.at = 0
    if not element or not environment or not values:
        raise lines.error("ATOM, ENV or BASIS is missing")
    try:
        descriptor = ChebyshevDescriptor(
            tuple(environment),
            values["radial_Rc"],
            values["radial_N"],  # type: ignore[arg-type]  # checked to be whole
            values["angular_Rc"],
            values["angular_N"],  # type: ignore[arg-type]
            minimum_distance=rmin,
        )
    except DescriptorError as error:
        raise lines.error(str(error)) from None
    return FingerprintSetup(element, descriptor, tuple(description))


def _description(lines: _Lines) -> list[str]:
    text = []
    while "end descr" not in (line := lines.next("END DESCR")).lower():
        text.append(line.rstrip())
    return text


def _environment(lines: _Lines, word: str) -> list[str]:
    n_elements = count(word) or 0
    if not 0 < n_elements <= 118:
        raise lines.error(f"not a number of elements: {word[:20]!r}")
    species = []
    for _ in range(n_elements):
        entry = lines.next("an element").split()
        if not entry:
            raise lines.error("an element is expected")
        species.append(entry[0])
    return species


def _basis(lines: _Lines, line: str) -> dict[str, float]:
    kind = re.search(r"type\s*=\s*(\S+)", line)
    if kind is None or kind.group(1).lower() != "chebyshev":
        raise lines.error(f"only BASIS type=Chebyshev is known, not {line!r}")
    parameters = lines.next("the parameters of the basis")
    values = {}
    for key in _KEYS:
        match = re.search(rf"{key}\s*=\s*([^\s,]+)", parameters, re.IGNORECASE)
        if match is None:
            raise lines.error(f"{key} is missing")
        values[key] = lines.number(match.group(1))
    return values


def write_setup(path: str | Path, setup: FingerprintSetup) -> Path:
    """Write a ``.stp`` file; what `read_setup` reads back is equal.

    Examples
    --------
    >>> from lps_flows.potential import (
    ...     ChebyshevDescriptor, FingerprintSetup, write_setup)
    >>> setup = FingerprintSetup("S", ChebyshevDescriptor(["Li", "S"], 6.0, 10, 4.0, 2))
    >>> print(write_setup("S.stp", setup).read_text().splitlines()[-1])
    radial_Rc = 6.0 radial_N = 10 angular_Rc = 4.0 angular_N = 2
    """
    path, d = Path(path).expanduser(), setup.descriptor
    text = [
        "DESCR",
        *(setup.description or ("Chebyshev descriptor, written by lps-flows",)),
        "END DESCR",
        "",
        f"ATOM {setup.element}",
        "",
        f"ENV {len(d.species)}",
        *d.species,
        "",
        f"RMIN {d.minimum_distance!r}",
        "",
        "BASIS type=Chebyshev",
        " ".join(
            f"{key} = {value!r}"
            for key, value in zip(_KEYS, (*d.radial, *d.angular), strict=True)
        ),
    ]
    return write_text(path, "\n".join(text) + "\n")
