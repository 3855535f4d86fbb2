"""The face of a room: what it exports is imported when it is first asked for.

A verb of the command line then loads what it uses and no more. A room's
``__init__`` lists its exports as imports under ``if TYPE_CHECKING``, where type
checkers and readers look for them, and ends with ``show(__name__)``.
"""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any


class _Face(ModuleType):
    """A package whose exports are imported on first access (PEP 562 as a class)."""

    _origins: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        origin = self._origins.get(name)
        if origin is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(origin), name)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # Importing a submodule binds it to its package; where a function is exported
        # under the name of its module, the function is what the face shows.
        if name not in self._origins or not isinstance(value, ModuleType):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *self._origins})


def show(package: str) -> None:
    """Make the imports under ``if TYPE_CHECKING`` of a package its lazy exports."""
    face = sys.modules[package]
    tree = ast.parse(Path(str(face.__file__)).read_text(encoding="utf-8"))
    origins = {
        alias.name: str(line.module)
        for block in tree.body
        if isinstance(block, ast.If)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    face.__dict__["_origins"] = origins
    face.__class__ = _Face
