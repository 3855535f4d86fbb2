"""Every job, also one made later, says which worker it needs and when."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from atomate2.vasp.jobs.base import BaseVaspMaker
from fireworks import FWorker
from fireworks.core.rocket_launcher import launch_rocket
from jobflow import SETTINGS, Flow, Job, Maker, Response, job

from lps_flows.engines import EngineSettings, get_engine
from lps_flows.engines.vasp import VaspEngine
from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.jobs.single_points import SinglePointRelaxMaker
from lps_flows.jobs.thermal_cell import ThermalCellMaker
from lps_flows.runner import Workplace, submit
from lps_flows.runner.routing import (
    RoutingSettings,
    jobs_of,
    reference_functions,
    route,
)
from lps_flows.settings import load_campaign
from tests.chemistry.test_orderings import published_beta

DEMO = Path(__file__).parents[2] / "workflows" / "demo.yaml"


@dataclass
class ReferenceToy(Maker):
    """Stands for a reference calculation."""

    name: str = "reference"

    @job
    def make(self, structure: int) -> int:
        return structure


@dataclass
class DecidingToy(Maker):
    """Decides when it runs which reference calculations to add."""

    name: str = "decide"
    reference: ReferenceToy = field(default_factory=ReferenceToy)

    @job
    def make(self, n: int) -> Response:
        jobs = [self.reference.make(k) for k in range(n)]
        again = follow([each.output for each in jobs])
        return Response(output=n, detour=Flow([*jobs, again]))


@job
def follow(values: list[int]) -> int:
    return len(values)


TOY_ENGINE = VaspEngine("toy", "toy", ReferenceToy(), ReferenceToy(), ReferenceToy())
TWO_KINDS = RoutingSettings(reference_worker="vasp", worker="light")


def toy() -> Flow:
    reference, decide = ReferenceToy().make(0), DecidingToy().make(2)
    reference.update_metadata({"stage": "crystals"})
    marks = {"stage": "sampling", "parent": "beta", "composition": "Li42P16S61"}
    decide.update_metadata(marks)
    inner = Flow([decide])
    return Flow([reference, inner])


def specs(workplace: Workplace) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for firework in workplace.require_launchpad().fireworks.find({}):
        found.setdefault(firework["name"], []).append(firework["spec"])
    return found


def test_routing_reaches_jobs_made_later(workplace: Workplace, tmp_path: Path) -> None:
    flow = route(toy(), TWO_KINDS, TOY_ENGINE)
    submit(workplace, flow, "toy", "hash")
    launchpad = workplace.require_launchpad()
    before, SETTINGS.JOB_STORE = SETTINGS.JOB_STORE, workplace.job_store
    try:
        with contextlib.chdir(tmp_path):
            # the light worker takes the light job, and only that
            assert launch_rocket(launchpad, FWorker("light"), strm_lvl="ERROR")
            assert not launchpad.run_exists(FWorker("light"))
            assert launchpad.run_exists(FWorker("vasp"))
    finally:
        SETTINGS.JOB_STORE = before
    found = specs(workplace)
    assert len(found["reference"]) == 3
    assert {s["_fworker"] for s in found["reference"]} == {"vasp"}
    assert {s["_fworker"] for s in found["decide"] + found["follow"]} == {"light"}
    # reference first, and among them the stages in order
    assert [s["_priority"] for s in found["decide"]] == [30]
    assert [s["_priority"] for s in found["follow"]] == [30]
    assert sorted(s["_priority"] for s in found["reference"]) == [130, 130, 160]
    tagged = {"spec.tags": {"$all": ["sampling", "Li42P16S61"]}}
    assert launchpad.fireworks.count_documents(tagged) == 4
    assert launchpad.get_fw_ids({"spec.parent": "beta"}, count_only=True) == 4


def test_without_names_any_worker_will_do(workplace: Workplace) -> None:
    submit(workplace, route(toy(), RoutingSettings(), TOY_ENGINE), "toy", "hash")
    found = specs(workplace)
    assert all("_fworker" not in s for each in found.values() for s in each)
    assert found["reference"][0]["_priority"] == 160


def test_vasp_calculations_are_recognised() -> None:
    engine = get_engine(EngineSettings(name="vasp"))
    assert reference_functions(engine) == {BaseVaspMaker.make}
    assert reference_functions(None) == set()


def workers_of(later: list[Job], *, made_by: Flow, stage: str) -> list[str]:
    """Return whose jobs these are when a job of this stage makes them."""
    named = []
    for one in later:
        job = copy.deepcopy(one)
        (first, *_) = (j for j in jobs_of(made_by) if j.metadata["stage"] == stage)
        for update in first.config_updates:
            job.update_config(**update)
        named.append(job.config.manager_config["_fworker"])
    return named


def test_an_engine_of_this_process_computes_on_the_reference_workers(
    workplace: Workplace, tmp_path: Path
) -> None:
    """Its calculations are parts of our jobs, also of those made later."""
    demo = yaml.safe_load(DEMO.read_text())
    published_beta().to(filename=str(tmp_path / "disordered.cif"))
    order = {"n_lowest": 2, "target_atoms": 32}
    demo |= {
        "name": "toy",
        "engine": {"name": "ann", "potential": "Li-P-S"},
        "own_crystals": {"ordered": {"file": "disordered.cif", "order": order}},
        "elasticity": {"crystals": ["Li2S"]},
        "phonons": {"crystals": ["Li2S"]},
    }
    demo["crystals"].append("ordered")
    demo["dataset"]["n_trajectories"] = 1
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(demo))
    settings = load_campaign(file)
    flow = route(settings.flow(), TWO_KINDS, get_engine(settings.engine))
    relaxing = ReferenceRelaxMaker()
    later = [SinglePointRelaxMaker().make(None, None, None), relaxing.document(None)]
    moving = [MDChunkMaker().make(None), ThermalCellMaker().make(None)]
    assert workers_of(later, made_by=flow, stage="sampling") == ["vasp", "vasp"]
    # another potential moves the atoms in this one
    assert workers_of(moving, made_by=flow, stage="selection") == ["light", "light"]
    demo["conductivity_engine"] = None
    file.write_text(yaml.safe_dump(demo))
    by_reference = load_campaign(file).flow()
    route(by_reference, TWO_KINDS, get_engine(settings.engine))
    assert workers_of(moving, made_by=by_reference, stage="selection") == [
        *("vasp", "vasp")
    ]
    submit(workplace, flow, "toy", "hash")
    workers: dict[tuple[str, str], set[str]] = {}
    for firework in workplace.require_launchpad().fireworks.find({}):
        kind = firework["spec"]["stage"], firework["name"].split(" ")[0]
        workers.setdefault(kind, set()).add(firework["spec"]["_fworker"])
    by_reference = {kind for kind, names in workers.items() if names == {"vasp"}}
    assert {stage for stage, _ in by_reference} == {
        *("crystals", "dataset", "active learning", "elasticity", "phonons"),
    }
    assert {kind for kind, names in workers.items() if len(names) > 1} == set()
    assert workers["crystals", "reference"] == workers["crystals", "order"] == {"vasp"}
    assert workers["elasticity", "equation"] == {"vasp"}
    assert workers["elasticity", "elastic"] == {"light"}  # on the potential
    assert workers["phonons", "phonons"] == {"vasp"}
    assert workers["training", "train"] == {"light"}


def test_jobs_of_nested_flows() -> None:
    assert [each.name for each in jobs_of(toy())] == ["reference", "decide"]
