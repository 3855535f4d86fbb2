"""Hooks of mkdocs: pages that no menu entry names join the menu by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Put every page of the folder that the menu leaves out under 'More'."""
    named = set(_names(config["nav"]))
    others = sorted(
        path.name
        for path in Path(config["docs_dir"]).glob("*.md")
        if path.name not in named
    )
    if others:
        config["nav"].append({"More": others})
    return config


def _names(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    if isinstance(nav, dict):
        return [name for entry in nav.values() for name in _names(entry)]
    return [name for entry in nav for name in _names(entry)]
