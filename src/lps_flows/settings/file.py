"""Read a campaign file, and say what is wrong with it in the words of the file."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lps_flows.foundation import LpsFlowsError, PlainYamlError, read_plain_yaml
from lps_flows.foundation.plain_yaml import shown
from lps_flows.settings.campaign import MOST_MISTAKES, CampaignSettings
from lps_flows.settings.gone import what_counts

_LONGEST_KEY = 60
_LONGEST_LINE = 600
# What YAML 1.1 readers take for a number or a truth is text here (`read_plain_yaml`).
_WRITTEN = {
    "int_type": "200",
    "float_type": "0.05 or 1e-5",
    "bool_type": "true or false",
}


class CampaignFileError(LpsFlowsError):
    """A campaign file that cannot be read or does not make sense."""


def load_campaign(path: str | Path, *, fitted: bool = False) -> CampaignSettings:
    """Read and validate a campaign file.

    Parameters
    ----------
    path
        YAML file; read with the safe loader.
    fitted
        True where it is known that the keys fit together, which takes a while to check.

    Raises
    ------
    CampaignFileError
        Naming every wrong key, its value and what is wrong with it.
    """
    file = Path(path)
    try:
        content = read_plain_yaml(file)
    except PlainYamlError as error:
        raise CampaignFileError(
            f"the campaign file cannot be read: {error.problem}",
            field=error.field,
            value=error.value,
            remedy="Give the path of a YAML file like workflows/demo.yaml"
            if error.field == "file"
            else f"{error.remedy}, in {path}",
        ) from error
    try:
        # as JSON, since there text is no number and a list is a tuple, strictly
        return CampaignSettings.model_validate_json(
            json.dumps(content),
            strict=True,
            # jobs run elsewhere: what counts from the file must not depend on where
            context={"folder": file.parent.absolute(), "fitted": fitted},
        )
    except ValidationError as error:
        raise CampaignFileError(
            "the campaign file does not make sense:\n" + _explain(error),
            field="file",
            value=str(path),
            remedy="Correct the keys above; docs/settings.md lists every key",
        ) from error


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    lines = []
    for problem in problems[:MOST_MISTAKES]:
        message = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:
            lines += [f"  {line}" for line in message.splitlines()]
            continue
        where = ".".join(str(part)[:_LONGEST_KEY] for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            message = what_counts(where) or (
                f"there is no such key{_meant(problem['loc'])}"
            )
        value = "" if problem["type"] == "missing" else f" = {shown(problem['input'])}"
        lines.append(f"  {where}{value}: {_as_in_yaml(problem['type'], message)}")
    if len(problems) > MOST_MISTAKES:
        lines.append(f"  and {len(problems) - MOST_MISTAKES} more")
    return "\n".join(line[:_LONGEST_LINE] for line in lines)


def _as_in_yaml(kind: str, message: str) -> str:
    """Say what pydantic says in the words of a YAML file."""
    if kind in _WRITTEN:
        return f"{message}, written like {_WRITTEN[kind]}"
    message = re.sub("a valid (tuple|array)", "a list", message)
    message = re.sub("Tuple|Array", "The list", message)
    return re.sub(
        r"(a valid dictionary|an object)( or instance of \w+)?",
        "a table of keys",
        message,
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
    close = get_close_matches(str(place[-1])[:_LONGEST_KEY], model.model_fields, n=1)
    return f". Did you mean {close[0]}?" if close else ""


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in inside if model is not None), None)
