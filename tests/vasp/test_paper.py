"""`workflows/paper.yaml`, scaled down, on FireWorks with custodian and the stand-in.

Nothing here is a DFT result: what is tested is that the whole study runs through
atomate2's VASP Makers, with the paper's settings in every input file.
"""

from __future__ import annotations

import gzip
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
    found = workplace.job_store.docs_store.query(
        {"output.@class": name}, properties=["output"]
    )
    return [document["output"] for document in found]


def inputs(folder: Path) -> list[tuple[Incar, list[str]]]:
    found = []
    for file in sorted(folder.glob("**/INCAR.gz")):
        with gzip.open(file.with_name("KPOINTS.gz"), "rt") as kpoints:
            found.append((Incar.from_file(file), kpoints.read().splitlines()))
    return found


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

    specs = [fw["spec"] for fw in workplace.require_launchpad().fireworks.find({})]
    tasks = [
        (spec["_tasks"][0]["job"]["function"]["@callable"], spec["_fworker"])
        for spec in specs
    ]
    by_vasp = [worker for name, worker in tasks if name == "BaseVaspMaker.make"]
    others = [worker for name, worker in tasks if name != "BaseVaspMaker.make"]
    assert set(by_vasp) == {"vasp"}
    assert set(others) == {"light"}

    found = inputs(workplace.home.launches(settings.name))
    assert len(found) == len(by_vasp)
    moving = [(incar, k) for incar, k in found if incar.get("IBRION") == 0]
    still = [(incar, k) for incar, k in found if incar.get("IBRION") != 0]
    assert {(i["ENCUT"], i["SIGMA"], i["ISMEAR"]) for i, _ in found} == {(520, 0.05, 0)}
    assert {tuple(k[2:4]) for _, k in still} == {("Automatic", "25")}
    assert {tuple(k[2:4]) for _, k in moving} == {("Gamma", "1 1 1")}
    assert {(i["TEBEG"], i["POTIM"]) for i, _ in moving} == {
        (temperature, 1) for temperature in (700, 1200, 1500)
    }
    # two trajectories of 40 and 20 steps; two structures, two temperatures, 3 chunks
    assert len(moving) == 2 * 2 + 2 * 2 * 3
    relaxing = [incar for incar, _ in still if incar["NSW"] > 0]
    assert sum(incar["ALGO"] != "Fast" for incar in relaxing) == 1

    labelled = documents(workplace, "StructureSet")
    relaxed = documents(workplace, "StructureDocument")
    assert {document["method"] for document in labelled + relaxed} == {STAND_IN_METHOD}
    assert not any(document["failures"] for document in labelled)
    n_compositions = len(settings.compositions())
    assert len(relaxed) == len(settings.crystals) + n_compositions * 2
    assert len(documents(workplace, "SamplingDocument")) == n_compositions
    assert len(documents(workplace, "PotentialDocument")) == 1
    assert len(documents(workplace, "TransportDocument")) == 2
    chunks = documents(workplace, "MDChunkDocument")
    reference = [c for c in chunks if c["temperature"] == 1200]
    # the reference set's two trajectories, in two chunks each
    assert len(reference) == 2 * 2
    assert len(chunks) - len(reference) == 2 * 2 * 3
    ends = {(c["label"], c["temperature"], c["last_step"]) for c in chunks}
    for chunk in chunks:
        start = (chunk["label"], chunk["temperature"], chunk["first_step"])
        assert chunk["first_step"] == 0 or start in ends
    for name in KEYS:
        store = result_store(workplace.job_store, name)
        store.connect()
        unasked = {"elasticity", "elastic_tensors", "free_energies"}
        assert store.count() or name in unasked, name
