"""Documents become objects of the classes that stores hold, and of no others."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from monty.json import jsanitize

from lps_flows.chemistry import crystal
from lps_flows.engines import read_calculation
from lps_flows.foundation import ForeignClassError, decode
from lps_flows.schemas import Provenance

MODULE = "planted_module"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module on the path that leaves a trace when it is imported."""
    trace = tmp_path / "was_here"
    code = f"from pathlib import Path\nPath({str(trace)!r}).touch()\n"
    (tmp_path / f"{MODULE}.py").write_text(code + "class Planted:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield trace
    sys.modules.pop(MODULE, None)


@pytest.mark.parametrize(
    "named",
    [
        {"@module": MODULE, "@class": "Planted"},
        {"@module": MODULE, "@callable": "Planted"},
        {"@module": "os", "@callable": "system"},
        {"@module": "subprocess", "@class": "Popen", "args": ["true"]},
        {"@module": "lps_flows.engines", "@callable": "get_engine"},
        {"@module": "lps_flows", "@class": "X", "@callable": "Y"},
        {"@module": "numpyx", "@class": "array"},
        {"@module": ["os"], "@class": "system"},
        {"@module": "pymatgen.core"},
    ],
)
@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: {"a": [1, {"b": d}]}])
def test_foreign_names_are_refused_unread(named, wrap, planted: Path) -> None:
    with pytest.raises(ForeignClassError, match="no document may hold"):
        decode(wrap(named))
    assert not planted.exists()
    assert MODULE not in sys.modules


def test_what_stores_hold_is_decoded() -> None:
    structure = crystal("gamma-Li3PS4")
    origin = Provenance(source="crystal", parent="gamma-Li3PS4")
    document = {"structure": structure, "provenance": origin, "n": np.arange(3)}
    plain = jsanitize(document, strict=True)
    back = decode(plain)
    assert back["structure"] == structure
    assert decode(structure.as_dict()) == structure


def test_a_task_document_is_checked_before_it_is_decoded(planted: Path) -> None:
    with pytest.raises(ForeignClassError):
        read_calculation({"@module": MODULE, "@class": "Planted", "output": {}})
    assert not planted.exists()
