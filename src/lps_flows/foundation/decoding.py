"""Turn stored documents back into objects, of the classes that stores hold only.

monty's decoder imports whatever module a document names, and makes whatever class it
names, at any depth: in the property of a site, too. A document is data: it may name the
classes listed here, and no functions. Nothing else in this package decodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from lps_flows.foundation.errors import LpsFlowsError

AnyClass = TypeVar("AnyClass", bound=type)

# What task documents and structures hold; to make one of these neither connects, reads,
# writes nor calls.
_OF_LIBRARIES = {
    "atomate2.ase.schemas": ("AseObject", "AseStructureTaskDoc", "AseTaskDoc"),
    "atomate2.forcefields.schemas": ("ForceFieldTaskDocument",),
    "emmet.core.tasks": ("TaskDoc",),
    "emmet.core.trajectory": ("AtomRelaxTrajectory", "AtomTrajectory", "Trajectory"),
    "emmet.core.types.enums": ("TaskState", "VaspObject"),
    "emmet.core.vasp.calc_types.enums": ("CalcType", "RunType", "TaskType"),
    "emmet.core.vasp.calculation": ("Calculation", "PotcarSpec"),
    "pymatgen.core.composition": ("Composition",),
    "pymatgen.core.entries": ("ComputedEntry", "ComputedStructureEntry"),
    "pymatgen.core.lattice": ("Lattice",),
    "pymatgen.core.periodic_table": ("DummySpecies", "Element", "Species"),
    "pymatgen.core.sites": ("PeriodicSite", "Site"),
    "pymatgen.core.structure": ("IStructure", "Molecule", "Structure"),
    "pymatgen.core.trajectory": ("Trajectory",),
    "pymatgen.electronic_structure.core": ("Magmom", "Orbital", "Spin"),
    "pymatgen.entries.computed_entries": ("ComputedEntry", "ComputedStructureEntry"),
    "pymatgen.io.vasp.inputs": ("Incar", "Kpoints", "KpointsSupportedModes"),
    # values that monty itself writes in this form
    "numpy": ("array",),
    "datetime": ("datetime",),
    "uuid": ("UUID",),
    "pathlib": ("Path",),
    "bson.objectid": ("ObjectId",),
}
_KNOWN = {(module, name) for module, names in _OF_LIBRARIES.items() for name in names}


# What MongoDB and maggma add to a document.
_ADDED = frozenset({"_id", "_bt"})
_LONGEST_NAME = 200
# most of what a structure consists of
_PLAIN = frozenset({str, int, float, bool, type(None)})


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
        When it names a function, or a class that no document holds; nothing has been
        imported then.
    Exception
        What the classes raise when they are given other fields than theirs.
    """
    from monty.json import MontyDecoder

    _check(document)
    return MontyDecoder().process_decoded(document)


def decodable(kind: AnyClass) -> AnyClass:
    """Allow documents to name a class of this package; returns the class."""
    _KNOWN.add((kind.__module__, kind.__name__))
    return kind


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


def _check(document: Any) -> None:
    inside = [document]
    while inside:
        value = inside.pop()
        if isinstance(value, Mapping):
            if "@module" in value or "@callable" in value:
                _check_name(value)
            inside += [v for v in value.values() if type(v) not in _PLAIN]
        elif isinstance(value, list | tuple):
            inside += [v for v in value if type(v) not in _PLAIN]


def _check_name(value: Mapping[str, Any]) -> None:
    module, name = value.get("@module"), value.get("@class")
    known = isinstance(module, str) and isinstance(name, str)
    if "@callable" in value or not known or (module, name) not in _KNOWN:
        raise ForeignClassError(
            "a document names what no document may hold",
            field="@module",
            value=f"{module}.{value.get('@callable', name)}"[:_LONGEST_NAME],
            remedy="Look at who wrote it; only results of the Makers are read",
        )
