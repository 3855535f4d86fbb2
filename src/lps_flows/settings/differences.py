"""What a campaign file says otherwise than the campaign it names was submitted with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from lps_flows.foundation import LpsFlowsError
from lps_flows.settings.keys import CampaignKeys

_LONGEST_SHOWN = 80
# Recorded by what is in a file, which only the campaign file leads to.
_BY_CONTENT = {"own_crystals", "dataset.labelled"}
_HASHED = {"engine.potential", "conductivity_engine.potential"}
_SHA256 = re.compile("[0-9a-f]{64}")


class SubmittedSettingsError(LpsFlowsError):
    """What a campaign was submitted with is no longer valid."""


class Difference(NamedTuple):
    """A key with another value in the file than in the campaign."""

    key: str
    submitted: Any
    file: Any

    def __str__(self) -> str:
        """Return the difference in one line of bounded length."""
        there, here = _cut(self.submitted), _cut(self.file)
        return f"{self.key}: {there} there, {here} here"


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def differences(
    submitted: Mapping[str, Any], current: Mapping[str, Any], *, complete: bool = True
) -> list[Difference]:
    """Compare what is known of a submitted campaign with its file, key by key.

    A key that other versions of this package do not know counts with its default, and
    one that is gone counts no more: what such a key says never changed a result.

    Parameters
    ----------
    submitted
        Settings of the submitted campaign, as `CampaignSettings.recorded` has them.
    current
        Those of the campaign file, in the same form.
    complete
        False when `submitted` holds only some of the keys; the others are unknown.
    """
    return list(_compared(CampaignKeys, submitted, current, "", complete))


def as_submitted(
    submitted: Mapping[str, Any], current: Mapping[str, Any], file: CampaignKeys
) -> CampaignKeys:
    """Return the settings a campaign was submitted with.

    Parameters
    ----------
    submitted, current
        As in `differences`.
    file
        Settings of the campaign file, for what is not known. The cells of its own
        crystals, labelled structures and files of potentials are those of the file.

    Raises
    ------
    SubmittedSettingsError
        When this version cannot read them.
    """
    settings = file.model_dump(mode="json")
    for key, value, _ in differences(submitted, current, complete=False):
        *tables, name = key.split(".")
        table: Any = settings
        for part in tables:
            table = table[part]
        if not (
            key in _BY_CONTENT or (key in _HASHED and _SHA256.fullmatch(str(value)))
        ):
            table[name] = value
    try:
        return CampaignKeys.model_validate(settings)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise SubmittedSettingsError(
            "this version cannot read what the campaign was submitted with "
            f"({error.errors()[0]['msg']})",
            field=where,
            value=file.name,
            remedy="Look at it with the version that submitted it",
        ) from error


def _compared(
    model: type[BaseModel],
    submitted: Mapping[str, Any],
    current: Mapping[str, Any],
    path: str,
    complete: bool,
) -> Iterator[Difference]:
    for name, field in model.model_fields.items():
        there, here = submitted.get(name, PydanticUndefined), current[name]
        if there is PydanticUndefined:
            if not complete or field.is_required():
                continue
            there = field.get_default(call_default_factory=True)
        table = _table_in(field.annotation)
        there = _plain(field.annotation, there)
        if table and isinstance(there, Mapping) and isinstance(here, Mapping):
            yield from _compared(table, there, here, f"{path}{name}.", complete)
        elif there != here:
            yield Difference(path + name, there, here)


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a table of keys, None for a value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Union, UnionType}:
        return next(filter(None, map(_table_in, get_args(annotation))), None)
    return None


def _plain(annotation: Any, value: Any) -> Any:
    """Return a value as this version writes it, or as it is where it cannot."""
    if isinstance(value, Mapping) and _table_in(annotation):
        return value  # key by key: some may be gone
    try:
        adapter = TypeAdapter(annotation)
        return adapter.dump_python(adapter.validate_python(value), mode="json")
    except ValidationError:
        return value
