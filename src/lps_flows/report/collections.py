"""What the builders made of a campaign, read back as typed documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from maggma.core import Store
from pydantic import BaseModel

from lps_flows.builders.build import KEYS

ResultStore = Callable[[str], Store]
"""Gives the connected store of a builder's collection, by its name."""

Model = TypeVar("Model", bound=BaseModel)


def read(
    result_store: ResultStore,
    collection: str,
    model: type[Model],
    criteria: Mapping[str, Any],
) -> list[Model]:
    """Return the documents of one collection.

    Parameters
    ----------
    result_store
        Gives the store of a collection.
    collection
        Its name, one of `lps_flows.builders.build.KEYS`.
    model
        Class of the documents.
    criteria
        Which documents: campaign, method.

    Returns
    -------
    list
        In order of the key; fields that belong to the store are dropped.
    """
    key = KEYS[collection]
    store = result_store(collection)
    return [
        model.model_validate(_fields_of(model, found))
        for found in store.query(dict(criteria), sort={key: 1})
    ]


def _fields_of(model: type[BaseModel], found: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what the store adds: its own id, marks, the time of the update."""
    return {name: found[name] for name in model.model_fields if name in found}
