"""Turn stored documents back into objects, of the classes that stores hold only.

monty's decoder imports whatever module a document names, and makes whatever class it
names. A document is data: it may name the classes of the libraries that write
documents here, and no functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monty.json import MontyDecoder

from lps_flows.foundation.errors import LpsFlowsError

# Packages whose classes Makers and builders put into documents.
_WRITERS = frozenset(
    {"lps_flows", "pymatgen", "emmet", "atomate2", "custodian", "ase", "jobflow"}
)
# Values that monty itself writes in this form.
_VALUES = frozenset(
    {
        ("numpy", "array"),
        ("datetime", "datetime"),
        ("uuid", "UUID"),
        ("pathlib", "Path"),
        ("bson.objectid", "ObjectId"),
    }
)


# What MongoDB and maggma add to a document.
_ADDED = frozenset({"_id", "_bt", "last_updated"})


class ForeignClassError(LpsFlowsError):
    """A document names a class or function that no document may hold."""


def decode(document: Any) -> Any:
    """Turn a document from the store into objects.

    Parameters
    ----------
    document
        What a store returned: nested dictionaries and lists.

    Returns
    -------
    object
        The same with everything in monty's form made into objects.

    Raises
    ------
    ForeignClassError
        When it names a function, or a class of a package that writes no documents;
        nothing has been imported then.
    """
    _check(document)
    return MontyDecoder().process_decoded(document)


def unmarked(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document's own fields.

    Left out are monty's marks (``@module``, ``@class``, ``@version``) of the document
    itself and what the database added; what lies deeper stays as it is.

    Examples
    --------
    >>> unmarked({"_id": 7, "@module": "lps_flows.schemas.glass", "label": "beta"})
    {'label': 'beta'}
    """
    return {
        key: value
        for key, value in document.items()
        if not key.startswith("@") and key not in _ADDED
    }


def _check(value: Any) -> None:
    if isinstance(value, Mapping):
        if "@module" in value:
            _check_name(value)
        for inner in value.values():
            _check(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner)


def _check_name(value: Mapping[str, Any]) -> None:
    module, name = value["@module"], value.get("@class")
    known = (
        isinstance(module, str)
        and isinstance(name, str)
        and (module.split(".")[0] in _WRITERS or (module, name) in _VALUES)
    )
    if "@callable" in value or not known:
        raise ForeignClassError(
            "a document names what no document may hold",
            field="@module",
            value=f"{module}.{value.get('@callable', name)}",
            remedy="Look at who wrote it; only results of the Makers are read",
        )
