"""Read a campaign file, and say what is wrong with it in the words of the file."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from lps_flows.foundation import LpsFlowsError
from lps_flows.settings.campaign import CampaignSettings
from lps_flows.settings.gone import what_counts

_LONGEST_VALUE = 80


class CampaignFileError(LpsFlowsError):
    """A campaign file that cannot be read or does not make sense."""


def load_campaign(path: str | Path) -> CampaignSettings:
    """Read and validate a campaign file.

    Parameters
    ----------
    path
        YAML file; read with the safe loader.

    Raises
    ------
    CampaignFileError
        Naming every wrong key, its value and what is wrong with it.
    """
    file = Path(path)
    try:
        content = yaml.load(
            file.read_text(encoding="utf-8"),
            Loader=_SafeLoader,  # noqa: S506 - a safe loader
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise CampaignFileError(
            f"the campaign file cannot be read: {error}",
            field="file",
            value=str(path),
            remedy="Give the path of a YAML file like workflows/demo.yaml",
        ) from error
    if not isinstance(content, Mapping):
        raise CampaignFileError(
            "a campaign file holds keys and values",
            field="file",
            value=str(path),
            remedy="Start from workflows/demo.yaml",
        )
    try:
        return CampaignSettings.model_validate(
            dict(content), context={"folder": file.parent}
        )
    except ValidationError as error:
        raise CampaignFileError(
            "the campaign file does not make sense:\n" + _explain(error),
            field="file",
            value=str(path),
            remedy="Correct the keys above; docs/settings.md lists every key",
        ) from error


class _SafeLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which refuses a key that is given twice."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = getattr(key_node, "value", None)
            if isinstance(key, str) and key in seen and key != "<<":
                raise yaml.constructor.ConstructorError(
                    "while reading a table",
                    node.start_mark,
                    f"the key {key!r} is given twice",
                    key_node.start_mark,
                )
            seen.add(key if isinstance(key, str) else id(key_node))
        return super().construct_mapping(node, deep)


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        message = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:
            lines += [f"  {line}" for line in message.splitlines()]
            continue
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            message = what_counts(where) or (
                f"there is no such key{_meant(problem['loc'])}"
            )
        value = problem["input"]
        shown = f" = {value!r}"
        if problem["type"] == "missing" or len(shown) > _LONGEST_VALUE:
            shown = ""
        lines.append(f"  {where}{shown}: {_as_in_yaml(message)}")
    return "\n".join(lines)


def _as_in_yaml(message: str) -> str:
    """Say what pydantic says in the words of a YAML file."""
    message = message.replace("a valid tuple", "a list").replace("Tuple", "The list")
    return re.sub(
        r"a valid dictionary( or instance of \w+)?", "a table of keys", message
    )


def _meant(place: tuple[int | str, ...]) -> str:
    """Return the key that a misspelt one comes closest to, as a question."""
    model: Any = CampaignSettings
    for part in place[:-1]:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = None if field is None else _model_in(field.annotation)
        if model is None:
            return ""
    close = get_close_matches(str(place[-1]), model.model_fields, n=1)
    return f". Did you mean {close[0]}?" if close else ""


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((found for found in inside if found is not None), None)
