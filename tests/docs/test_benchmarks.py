"""What the benchmarks measure is still where they look for it."""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("file", BENCHMARKS, ids=lambda file: file.stem)
def test_what_a_benchmark_imports_is_there(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] not in ("lps_flows", "tests"):
                continue
            module = import_module(node.module)
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                # a module inside is no attribute before it is loaded
                assert hasattr(module, alias.name) or find_spec(name), name
