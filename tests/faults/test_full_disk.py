"""A result that cannot be written to its end leaves the good one before it whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from jobflow import JobStore
from maggma.stores import MemoryStore

from lps_flows.analysis.density import write_density
from lps_flows.builders import KEYS
from lps_flows.chemistry import crystal
from lps_flows.jobs.export import export_structures
from lps_flows.potential import write_xsf
from lps_flows.report import gather, write_report, write_results
from tests.jobs.test_export import labelled
from tests.limits import files_up_to
from tests.potential.test_evaluator import POTENTIAL
from tests.report import synthetic

CELL = crystal("gamma-Li3PS4")
DENSITY = np.full((10, 10, 10), 0.01)
# smaller than every result, larger than what pytest writes meanwhile
ROOM = 500


def export(folder: Path, file_format: str) -> None:
    export_structures([labelled("gamma-Li3PS4")], folder, file_format, overwrite=True)


WRITERS: dict[str, Callable[[Path], object]] = {
    "potential": lambda folder: POTENTIAL.save(folder / "p.safetensors"),
    "ænet's files": POTENTIAL.to_aenet,
    "XSF": lambda folder: write_xsf(folder / "a.xsf", CELL, energy=-1.0),
    "CHGCAR": lambda folder: write_density(folder / "CHGCAR_a", CELL, DENSITY),
    "cube": lambda folder: write_density(folder / "a.cube", CELL, DENSITY),
    "export as extxyz": partial(export, file_format="extxyz"),
    "export as XSF": partial(export, file_format="xsf"),
}


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def check(write: Callable[[Path], object], folder: Path) -> None:
    folder.mkdir()
    write(folder)
    good = contents(folder)
    assert max(map(len, good.values())) > ROOM
    with files_up_to(ROOM), pytest.raises(OSError, match="File too large"):
        write(folder)
    assert contents(folder) == good
    write(folder)  # and with room again all is well
    assert set(contents(folder)) == set(good)


@pytest.mark.parametrize("what", WRITERS)
def test_files_of_other_codes(tmp_path: Path, what: str) -> None:
    check(WRITERS[what], tmp_path / "results")


def test_report_summary_and_figures(job_store: JobStore, tmp_path: Path) -> None:
    synthetic.put_crystals(job_store)

    def beside(name: str) -> MemoryStore:
        store = MemoryStore(name, key=KEYS[name])
        store.connect()
        return store

    content = gather(job_store, beside, synthetic.CAMPAIGN)
    check(lambda folder: write_results(content, folder), tmp_path / "results")
    report = tmp_path / "one" / "report.html"
    check(
        lambda _: write_report(job_store, beside, synthetic.CAMPAIGN, report),
        report.parent,
    )
