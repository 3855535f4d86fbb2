"""The floors of docs/architecture.md hold."""

from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_modules_import_only_from_floors_below() -> None:
    assert lint_imports(config_filename=str(PROJECT), no_cache=True) == (
        EXIT_STATUS_SUCCESS
    )
