"""ænet's network files: the same 36 items, as Fortran records or as text.

A binary ``.nn`` file is a gfortran sequential unformatted file: each item is one record
between two 4-byte marks that hold its length. A ``.nn.ascii`` file holds the items as
text, which ænet's converter turns into the binary form.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lps_flows.foundation.writing import write_bytes
from lps_flows.potential.errors import PotentialError, PotentialFileError, check_numbers
from lps_flows.potential.fortran import fixed_columns, list_directed, parse_real

_PATH_LENGTH, _TYPE_LENGTH, _KIND_LENGTH = 1024, 2, 100
# More than any network has; a count is what a reader takes room for.
_MOST = 2_000_000
_AT_MOST = {
    "n_layers": 100,
    "n_environment": 118,
    "n_features": 10_000,
    "n_parameters": 100,
    "n_types": 118,
    "n_atoms": 2**31 - 1,
    "n_structures": 2**31 - 1,
    "n_evaluations": 2**31 - 1,
}
_ENCODING = "latin-1"  # every byte is a character, so that texts come back as they were


@dataclass(frozen=True)
class _Item:
    """One record: its name, what it is, how many (a number or an expression)."""

    name: str
    kind: str  # "i" integer, "d" double, "c" text, "l" logical
    count: Any = 1
    width: int = 1

    def length(self, known: dict[str, Any]) -> int:
        if callable(self.count):
            return int(self.count(known))
        return int(self.count)


_ITEMS = (
    _Item("n_layers", "i"),
    _Item("n_nodes_max", "i"),
    _Item("n_weights", "i"),
    _Item("n_values", "i"),
    _Item("nodes", "i", lambda k: k["n_layers"]),
    _Item("activations", "i", lambda k: k["n_layers"] - 1),
    _Item("weight_ends", "i", lambda k: k["n_layers"]),
    _Item("value_ends", "i", lambda k: k["n_layers"]),
    _Item("weights", "d", lambda k: k["n_weights"]),
    _Item("description", "c", 1, _PATH_LENGTH),
    _Item("element", "c", 1, _TYPE_LENGTH),
    _Item("n_environment", "i"),
    _Item("environment", "c", lambda k: k["n_environment"], _TYPE_LENGTH),
    _Item("minimum_distance", "d"),
    _Item("cutoff", "d"),
    _Item("basis", "c", 1, _KIND_LENGTH),
    _Item("n_features", "i"),
    _Item("n_parameters", "i"),
    _Item("function_kinds", "i", lambda k: k["n_features"]),
    _Item("parameters", "d", lambda k: k["n_features"] * k["n_parameters"]),
    _Item("function_species", "i", lambda k: 2 * k["n_features"]),
    _Item("n_evaluations", "i"),
    _Item("feature_minimum", "d", lambda k: k["n_features"]),
    _Item("feature_maximum", "d", lambda k: k["n_features"]),
    _Item("feature_mean", "d", lambda k: k["n_features"]),
    _Item("feature_mean_square", "d", lambda k: k["n_features"]),
    _Item("training_file", "c", 1, _PATH_LENGTH),
    _Item("normalised", "l"),
    _Item("energy_scale", "d"),
    _Item("energy_shift", "d"),
    _Item("n_types", "i"),
    _Item("types", "c", lambda k: k["n_types"], _TYPE_LENGTH),
    _Item("atomic_energies", "d", lambda k: k["n_types"]),
    _Item("n_atoms", "i"),
    _Item("n_structures", "i"),
    _Item("energy_range", "d", 3),
)
_BYTES = {"i": 4, "l": 4, "d": 8}
_SCALAR_COUNTS = {i.name for i in _ITEMS if i.name.startswith("n_")}


def _bad(path: Path, where: str, problem: str) -> PotentialFileError:
    return PotentialFileError(
        f"{where}: {problem}",
        field="path",
        value=str(path),
        remedy="Take the file again from the training that made it",
    )


def read_network_file(path: str | Path) -> dict[str, Any]:
    """Read a ``.nn`` or ``.nn.ascii`` file.

    Returns
    -------
    dict
        The items by name: integers, floats, lists of them, and texts.

    Raises
    ------
    PotentialFileError
        Naming the record (binary) or line (text) when the file is malformed.
    """
    path = Path(path).expanduser()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _bad(path, "file", f"cannot be read ({error.strerror})") from None
    if not data:
        raise _bad(path, "file", "it is empty")
    items = _from_binary(path, data) if b"\0" in data[:64] else _from_text(path, data)
    _check(path, items)
    return items


def _from_binary(path: Path, data: bytes) -> dict[str, Any]:
    known: dict[str, Any] = {}
    at = 0
    for number, item in enumerate(_ITEMS, start=1):
        where = f"record {number} ({item.name})"
        if at + 4 > len(data):
            raise _bad(path, where, f"the file ends early, after {len(data)} bytes")
        size = struct.unpack_from("<i", data, at)[0]
        count = item.length(known)
        expected = count * (item.width if item.kind == "c" else _BYTES[item.kind])
        if size != expected:
            raise _bad(path, where, f"{size} bytes long instead of {expected}")
        body = data[at + 4 : at + 4 + size]
        mark = data[at + 4 + size : at + 8 + size]
        if len(body) < size or len(mark) < 4:
            raise _bad(path, where, f"the file ends early, after {len(data)} bytes")
        if struct.unpack("<i", mark)[0] != size:
            raise _bad(path, where, "its two length marks differ")
        _store(path, where, known, item, _decode(item, body, count))
        at += 8 + size
    if at != len(data):
        raise _bad(path, "file", f"{len(data) - at} bytes follow the last record")
    return known


def _decode(item: _Item, body: bytes, count: int) -> list[Any]:
    if item.kind == "c":
        text, w = body.decode(_ENCODING), item.width
        return [text[k * w : (k + 1) * w].rstrip(" ") for k in range(count)]
    if item.kind == "l":
        return [struct.unpack("<i", body)[0] != 0]
    kind = "<i4" if item.kind == "i" else "<f8"
    return list(np.frombuffer(body, kind).tolist())


def _store(
    path: Path, where: str, known: dict[str, Any], item: _Item, values: list[Any]
) -> None:
    if item.kind == "d":
        try:
            check_numbers(item.name, np.array(values))
        except PotentialError as error:
            raise _bad(path, where, error.problem) from None
    single = not callable(item.count) and item.count == 1
    value: Any = values[0] if single else values
    if item.name in _SCALAR_COUNTS:
        lowest = 2 if item.name == "n_layers" else 0
        if not lowest <= value <= _AT_MOST.get(item.name, _MOST):
            raise _bad(path, where, f"an impossible number, {value}")
    known[item.name] = value


class _Lines:
    """The lines of a text file, read from the top."""

    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.at = path, 0
        self.lines = [line.rstrip("\r") for line in _split(data)]

    def next(self, name: str) -> str:
        if self.at >= len(self.lines):
            raise _bad(
                self.path, f"line {len(self.lines)}", f"{name}: the file ends early"
            )
        self.at += 1
        return self.lines[self.at - 1]

    def words(self, item: _Item, count: int) -> list[str]:
        """Take lines until `count` words are found."""
        words: list[str] = []
        while len(words) < count:
            line = self.next(item.name)
            if item.kind == "c":
                words += fixed_columns(line, item.width)
            else:
                words += list_directed(line, count)
        if len(words) > count:
            raise _bad(
                self.path, f"line {self.at}", f"{item.name}: more values than {count}"
            )
        return words

    def integers_ahead(self) -> int:
        """Count the integers before the next line that holds anything else."""
        count = 0
        for line in self.lines[self.at :]:
            words = list_directed(line, _MOST)
            if not all(word.lstrip("+-").isdigit() for word in words):
                break
            count += len(words)
        return count


def _split(data: bytes) -> list[str]:
    return data.decode(_ENCODING).rstrip("\n").split("\n")


def _from_text(path: Path, data: bytes) -> dict[str, Any]:
    lines = _Lines(path, data)
    known: dict[str, Any] = {}
    for item in _ITEMS:
        count = item.length(known)
        start = lines.at + 1
        if item.name in ("description", "basis", "training_file"):
            values: list[Any] = [lines.next(item.name).strip()]
        else:
            if item.name == "function_species":
                # ænet's own writer runs over n_environment instead of two; the one
                # integer after them is n_evaluations
                wide = known["n_environment"] * known["n_features"]
                count = wide if lines.integers_ahead() == wide + 1 else count
            words = lines.words(item, count)
            try:
                values = [_parse(item.kind, word) for word in words]
            except ValueError as error:
                raise _bad(path, f"line {start}", f"{item.name}: {error}") from None
        _store(path, f"line {start}, {item.name}", known, item, values)
    if any(line.strip() for line in lines.lines[lines.at :]):
        raise _bad(path, f"line {lines.at + 1}", "text follows the last item")
    return known


def _parse(kind: str, word: str) -> Any:
    if kind == "i":
        return int(word)
    if kind == "d":
        return parse_real(word)
    if kind == "l":
        letter = word.strip(".").lower()[:1]
        if letter not in ("t", "f"):
            raise ValueError(f"neither true nor false: {word!r}")
        return letter == "t"
    return word


def _check(path: Path, items: dict[str, Any]) -> None:
    nodes = items["nodes"]
    if min(nodes) < 1 or nodes[-1] != 1 or nodes[0] != items["n_features"]:
        raise _bad(
            path,
            "nodes",
            f"layers of {nodes} nodes do not lead from {items['n_features']} features "
            "to one energy",
        )
    ends = [0]
    for n_in, n_out in pairwise(nodes):
        ends.append(ends[-1] + (n_in + 1) * n_out)
    if items["weight_ends"] != ends or items["n_weights"] != ends[-1]:
        raise _bad(path, "weight_ends", f"{items['weight_ends']} instead of {ends}")
    if not set(items["activations"]) <= set(range(5)):
        raise _bad(path, "activations", f"unknown code in {items['activations']}")
    if items["element"] not in items["types"]:
        raise _bad(
            path, "types", f"{items['types']} without the file's {items['element']}"
        )


def write_network_file(path: str | Path, items: dict[str, Any]) -> Path:
    """Write the items as a binary ``.nn`` file, record by record as gfortran does."""
    path = Path(path)
    out = bytearray()
    for item in _ITEMS:
        body = _encode(item, items[item.name])
        mark = struct.pack("<i", len(body))
        out += mark + body + mark
    write_bytes(path, bytes(out))
    return path


def _encode(item: _Item, value: Any) -> bytes:
    values = value if isinstance(value, list) else [value]
    if item.kind == "c":
        return b"".join(
            str(v).encode(_ENCODING, "replace")[: item.width].ljust(item.width)
            for v in values
        )
    if item.kind == "l":
        return struct.pack("<i", int(values[0]))
    return np.array(values, "<i4" if item.kind == "i" else "<f8").tobytes()


def _printable(text: str) -> str:
    """Replace what would end a line: ænet leaves an absent description as it was."""
    return "".join(c if c.isprintable() else " " for c in text)


def write_text_file(path: str | Path, items: dict[str, Any]) -> Path:
    """Write the items as text, one line each, with 18 significant digits."""
    path = Path(path)
    lines = []
    for item in _ITEMS:
        value = items[item.name]
        values = value if isinstance(value, list) else [value]
        if item.kind == "d":
            lines.append(" ".join(f"{v:24.17e}" for v in values))
        elif item.kind == "i":
            lines.append(" ".join(f"{v:17d}" for v in values))
        else:
            lines.append(" ".join(_printable(str(v)) for v in values))
    write_bytes(path, ("\n".join(lines) + "\n").encode(_ENCODING, "replace"))
    return path
