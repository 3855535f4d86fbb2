"""`workflows/paper.yaml`, scaled down, on FireWorks with custodian and the stand-in.

Nothing here is a DFT result: what is tested is that the whole study runs through
atomate2's VASP Makers, with the paper's settings in every input file.
"""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymatgen.io.vasp import Incar

from lps_flows.builders import KEYS, result_store
from lps_flows.engines import registry
from lps_flows.runner import RoutingSettings, Workplace, route, run
from lps_flows.settings import CampaignSettings
from tests.vasp.conftest import STAND_IN_METHOD

PAPER = Path(__file__).parents[2] / "workflows" / "paper.yaml"
SMALLER = Path(__file__).with_name("scaled.yaml")


def overlaid(base: Any, changes: Any) -> Any:
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return base | {k: overlaid(base.get(k), value) for k, value in changes.items()}


@pytest.fixture
def settings(stand_in_command: str, monkeypatch: pytest.MonkeyPatch):
    """The scaled study, whose vasp engine is the stand-in and says so."""
    monkeypatch.setitem(registry._BUILDERS, "vasp", "tests.vasp.conftest:stand_in")
    content = yaml.safe_load(PAPER.read_text())
    changes = yaml.safe_load(SMALLER.read_text())
    return CampaignSettings.model_validate(overlaid(content, changes))


def documents(workplace: Workplace, name: str) -> list[dict]:
    return list(
        workplace.job_store.docs_store.query(
            {"output.@class": name}, properties=["output", "name"]
        )
    )


def inputs(folder: Path) -> list[tuple[Incar, list[str]]]:
    found = []
    for file in sorted(folder.glob("**/INCAR.gz")):
        kpoints = gzip.open(file.with_name("KPOINTS.gz"), "rt").read().splitlines()
        found.append((Incar.from_file(file), kpoints))
    return found


@pytest.mark.slow
def test_the_published_study_end_to_end(
    workplace: Workplace,
    settings: CampaignSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the very first run does not converge its electrons, and custodian mends it
    monkeypatch.setenv("FAKE_VASP_FAIL", "scf")
    monkeypatch.setenv("FAKE_VASP_STATE", str(tmp_path))
    routing = RoutingSettings(reference_worker="vasp", worker="light")
    result = run(
        workplace,
        lambda: route(settings.flow(), routing, settings.maker().relax.engine),
        settings.name,
        settings.settings_hash,
    )
    assert result.complete, result.failures

    launchpad = workplace.require_launchpad()
    fireworks = list(launchpad.fireworks.find({}, {"name": 1, "spec": 1}))
    workers = Counter(
        (
            fw["spec"]["_fworker"],
            "_vasp" in str(fw["spec"]["_tasks"][0]["job"]["function"]),
        )
        for fw in fireworks
    )
    print(workers)

    labelled = documents(workplace, "StructureSet")
    relaxed = documents(workplace, "StructureDocument")
    assert {d["output"]["method"] for d in labelled + relaxed} == {STAND_IN_METHOD}
    assert all(d["output"]["n_structures"] for d in labelled)
    n_compositions = len(settings.compositions())
    assert len(documents(workplace, "SamplingDocument")) == n_compositions
    assert len(documents(workplace, "PotentialDocument")) == 1
    assert len(documents(workplace, "TransportDocument")) == 2
    chunks = documents(workplace, "MDChunkDocument")
    # two structures at two temperatures, one chunk of equilibration and two after it
    assert len(chunks) == 2 * 2 * 3
    assert {d["output"]["last_step"] for d in chunks} == {20, 60, 100}
    for name in KEYS:
        store = result_store(workplace.job_store, name)
        store.connect()
        print(name, store.count())

    found = inputs(workplace.home.launches(settings.name))
    print(len(found))
    moving = [(incar, k) for incar, k in found if incar["IBRION"] == 0]
    still = [(incar, k) for incar, k in found if incar["IBRION"] != 0]
    assert {incar["ENCUT"] for incar, _ in found} == {520}
    assert {incar["SIGMA"] for incar, _ in found} == {0.05}
    assert {k[2] for _, k in still} == {"Automatic"}
    assert {k[3] for _, k in still} == {"25"}
    assert {tuple(k[2:4]) for _, k in moving} == {("Gamma", "1 1 1")}
    assert {incar["TEBEG"] for incar, _ in moving} == {700, 1200, 1500}
    assert {incar["POTIM"] for incar, _ in moving} == {1}
