"""Damaged documents of every kind are read or refused by name, soon and small."""

from __future__ import annotations

import base64
import copy
import random
import zlib
from typing import Any

import numpy as np
import pytest

from lps_flows.chemistry import crystal
from lps_flows.foundation import ForeignClassError
from lps_flows.report.picture import picture
from lps_flows.report.structures import EmbeddedStructure, downloads
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.base import Document
from lps_flows.schemas.built import StructureRecord
from lps_flows.schemas.damage import DamagedDocumentError
from tests.schemas.test_old_documents import JOBS, OLD, RESULTS
from tests.security.mutation import play
from tests.security.test_fuzz import places
from tests.security.test_fuzz_files import COUNTS, finish

ABSURD = (
    *(None, True, 0, -1, 10**400, 1e999, float("nan"), "", "x", "1e5", "\0", b"\xff"),
    *([], {}, [[]], [None] * 9, {"a": 1}, {"$gt": ""}, "9" * 5000, [[[["deep"]]]]),
    {"@module": "os", "@class": "Path"},
    {"@module": "pymatgen.core.structure", "@class": "Structure"},
    {"@module": "numpy", "@class": "array", "dtype": "float64", "data": "x"},
)


def damaged_document(
    sound: tuple[type[Document], dict[str, Any]], rng: random.Random
) -> tuple[type[Document], dict[str, Any]]:
    """Return a document with a value replaced, lost, doubled or too many."""
    kind, document = sound
    document = copy.deepcopy(document)
    path = rng.choice(places(document))
    inner: Any = document
    for key in path[:-1]:
        inner = inner[key]
    how = rng.randrange(4)
    if how == 0:
        del inner[path[-1]]
    elif how == 1 and isinstance(inner, dict):
        inner[rng.choice(("alien", "@module", "@class", "@callable", "_id"))] = 1
    else:
        inner[path[-1]] = rng.choice(ABSURD)
    return kind, document


@pytest.mark.parametrize("count", COUNTS)
def test_stored_documents(count: int) -> None:
    sound = [(kind, OLD["jobs"][kind.__name__]) for kind in JOBS]
    sound += [(RESULTS[name], OLD["results"][name]) for name in RESULTS]

    def read(given: tuple[type[Document], dict[str, Any]]) -> None:
        kind, document = given
        made = kind.from_store(document)
        structure = getattr(made, "structure", None)
        if structure is not None:
            assert np.isfinite(structure.cart_coords).all()
            assert structure.volume > 0

    kinds = (DamagedDocumentError, ForeignClassError)
    finish(play("stored document", sound, read, kinds, count, damage=damaged_document))


@pytest.mark.parametrize("count", COUNTS)
def test_structures_are_shown_or_refused(count: int) -> None:
    cell = crystal("Li2S").get_primitive_structure()
    cell.add_site_property("magmom", [1.0, 0.0, None])
    cell.add_site_property("velocities", [[0.0, 0.0, 0.0]] * 3)
    changed = {
        "structure": cell.as_dict(),
        "n_atoms": 3,
        "forces": [[0.0, 1.0, 2.0]] * 3,
    }
    sound = (StructureRecord, {**OLD["results"]["structures"], **changed})

    def read(given: tuple[type[Document], dict[str, Any]]) -> None:
        record = StructureRecord.from_store(given[1])
        drawn = picture(record.structure, ["P"], ["S"])
        assert downloads([EmbeddedStructure(record, "x", {}, drawn)])

    def damage(
        given: tuple[type[Document], dict[str, Any]], rng: random.Random
    ) -> tuple[type[Document], dict[str, Any]]:
        if rng.random() < 0.3:
            return damaged_document(given, rng)
        _, inner = damaged_document((given[0], given[1]["structure"]), rng)
        return given[0], {**given[1], "structure": inner}

    kinds = (DamagedDocumentError, ForeignClassError)
    finish(play("stored structure", [sound], read, kinds, count, damage=damage))


def test_packed_arrays_unpack_to_what_they_say() -> None:
    sound = PackedArray.pack(np.arange(6.0).reshape(2, 3), "<f4")
    bomb = base64.b64encode(zlib.compress(bytes(10**8), 9)).decode()
    for change in (
        {"content": bomb},
        {"content": "x"},
        {"content": sound.content[:-8]},
        {"shape": (2, 4)},
        {"shape": (-1, 3)},
        {"shape": (10**9, 10**9)},
        {"dtype": "<f8"},
    ):
        with pytest.raises(DamagedDocumentError) as caught:
            PackedArray(**{**sound.model_dump(), **change}).unpack()
        assert caught.value.remedy


@pytest.mark.parametrize("dtype", ["O", "|O", "<U9", "f4,f4", "object", "V1000000000"])
def test_packed_arrays_hold_numbers(dtype: str) -> None:
    with pytest.raises(DamagedDocumentError):
        PackedArray.from_store({"dtype": dtype, "shape": [1], "content": ""})
