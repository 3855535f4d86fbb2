"""Read YAML as it is written: text stays text unless it is a number to anyone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from lps_flows.foundation.errors import LpsFlowsError

# A campaign file has some hundred values; what exceeds these is no file of settings.
_MOST_BYTES = 200_000
_MOST_VALUES = 10_000
_DEEPEST = 50
_MOST_DIGITS = 30
_LONGEST_SHOWN = 60
# Floats of whole numbers below this are exact, and read as the integers they are.
_EXACT = 2.0**53

_NULL, _BOOL, _INT, _FLOAT, _TEXT, _MERGE = (
    f"tag:yaml.org,2002:{kind}"
    for kind in ("null", "bool", "int", "float", "str", "merge")
)
# The core schema of YAML 1.2. YAML 1.1, which PyYAML reads, makes a number of `0200`
# (128), of `1:30` (90) and of `yes`, a date of `2026-01-01`, and text of `1e-5`.
_PATTERNS = {
    _NULL: re.compile(r"^(?:~|null|Null|NULL|)$"),
    _BOOL: re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"),
    _INT: re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"),
    _FLOAT: re.compile(
        r"^[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"
    ),
    _MERGE: re.compile(r"^<<$"),
}


class PlainYamlError(LpsFlowsError):
    """A YAML file that cannot be read as plain values."""


def read_plain_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of keys and values.

    Only what is written as a number is one: ``0.05``, ``-3``, ``1e-5``. Words
    (``yes``, ``on``), numbers that other readers understand in another way (``0200``,
    ``0x10``, ``1_000``, ``1:30``), dates, ``.inf`` and ``.nan`` are text, so that a key
    that wants a number refuses them.

    Returns
    -------
    dict
        Text, finite numbers, True, False, None, lists and tables of them. Whole
        numbers are integers, however they are written (``25.0``, ``1e3``).

    Raises
    ------
    PlainYamlError
        When the file cannot be read, is no table, names a key twice or by something
        other than text, is too large, has aliases that multiply, or tags. `field` is
        the key where there is one.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise _error(f"it is longer than {_MOST_BYTES // 1000} kB", path)
        node = yaml.compose(content.decode("utf-8"), Loader=_Composer)
        if isinstance(node, yaml.MappingNode):
            _refuse_multiplication(node)
            return _table(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f" in line {mark.line + 1}"
        raise _error(f"{error.problem or error.context}{where}", path) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _error(str(error), path) from error
    raise _error("it holds no keys and values", path)


def shown(value: Any) -> str:
    """Return a value for a message, in one line of bounded length."""
    if isinstance(value, Mapping) and value:
        return f"a table of {len(value)}"
    if isinstance(value, list | tuple) and value:
        return f"a list of {len(value)}"
    text = repr(value[:_LONGEST_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


class _Composer(yaml.SafeLoader):
    """Composes nodes by the core schema, and not more of them than a file needs."""

    yaml_implicit_resolvers: ClassVar[dict[str | None, list[Any]]] = {
        None: list(_PATTERNS.items())
    }

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._n_values = self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._n_values += 1
        self._depth += 1
        if self._n_values > _MOST_VALUES:
            raise yaml.YAMLError(f"it holds more than {_MOST_VALUES} values")
        if self._depth > _DEEPEST:
            raise yaml.YAMLError("its tables or lists are nested too deeply")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _refuse_multiplication(root: yaml.Node) -> None:
    """Raise when aliases make more of the file than it could hold without them."""
    sizes: dict[int, int] = {}
    inside: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in inside:
            raise yaml.YAMLError("an alias stands inside what it names")
        if id(node) not in sizes:
            inside.add(id(node))
            parts = node.value if isinstance(node, yaml.CollectionNode) else ()
            if isinstance(node, yaml.MappingNode):
                parts = [part for pair in parts for part in pair]
            sizes[id(node)] = 1 + sum(map(size, parts))
            inside.discard(id(node))
        return sizes[id(node)]

    if size(root) > _MOST_VALUES:
        raise yaml.YAMLError("its aliases multiply beyond any file of settings")


def _value(node: yaml.Node, place: tuple[str, ...]) -> Any:
    if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
        return _table(node, place)
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [
            _value(part, (*place, str(number)))
            for number, part in enumerate(node.value)
        ]
    text = node.value
    if not isinstance(node, yaml.ScalarNode) or not (
        node.tag == _TEXT or (node.tag in _PATTERNS and _PATTERNS[node.tag].match(text))
    ):
        raise PlainYamlError(
            f"tags ({node.tag.replace('tag:yaml.org,2002:', '!!')}) are not read",
            field=".".join(place),
            value=text[:_LONGEST_SHOWN] if isinstance(text, str) else None,
            remedy="Write the value without a tag, text in quotes",
        )
    if node.tag == _BOOL:
        return text.lower() == "true"
    if node.tag in {_INT, _FLOAT}:
        return _number(text, place)
    return None if node.tag == _NULL else text


def _number(text: str, place: tuple[str, ...]) -> int | float:
    if re.fullmatch(_PATTERNS[_INT], text) and len(text) <= _MOST_DIGITS:
        return int(text)
    number = float(text) if len(text) <= _MOST_DIGITS else float("inf")
    if abs(number) == float("inf"):
        raise PlainYamlError(
            "the number is too large or has too many digits",
            field=".".join(place),
            value=text[:_LONGEST_SHOWN],
            remedy=f"Write it with at most {_MOST_DIGITS} characters, like 1.5e-3",
        )
    whole = abs(number) < _EXACT and number.is_integer()
    return int(number) if whole else number


def _table(node: yaml.MappingNode, place: tuple[str, ...]) -> dict[str, Any]:
    own: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key, value in node.value:
        if key.tag == _MERGE:
            merged = {**_merged(value, place), **merged}
            continue
        if not isinstance(key, yaml.ScalarNode) or key.tag != _TEXT:
            raise PlainYamlError(
                f"the key in line {key.start_mark.line + 1} is no text",
                field=".".join(place) or "file",
                value=str(key.value)[:_LONGEST_SHOWN]
                if isinstance(key, yaml.ScalarNode)
                else None,
                remedy="Put it in quotes if it is a name",
            )
        here = (*place, key.value[:_LONGEST_SHOWN])
        if key.value in own:
            raise PlainYamlError(
                f"the key {shown(key.value)} is given twice",
                field=".".join(here),
                value=f"line {key.start_mark.line + 1}",
                remedy="Keep one of the two",
            )
        own[key.value] = _value(value, here)
    return {**merged, **own}


def _merged(node: yaml.Node, place: tuple[str, ...]) -> dict[str, Any]:
    """Return what `<<` takes over from tables elsewhere; the first one wins."""
    tables = node.value if isinstance(node, yaml.SequenceNode) else [node]
    merged: dict[str, Any] = {}
    for table in tables:
        if not isinstance(table, yaml.MappingNode):
            raise PlainYamlError(
                "<< takes over tables only",
                field=".".join((*place, "<<")),
                value=None,
                remedy="Name a table with & and take it over with *",
            )
        merged = {**_table(table, place), **merged}
    return merged


def _error(problem: str, path: str | Path) -> PlainYamlError:
    return PlainYamlError(
        problem[:500],
        field="file",
        value=str(path),
        remedy="Give the path of a YAML file of keys and values",
    )
