"""Accuracy against reference evaluations: the protocol before frugality, and now.

    python benchmarks/frugality.py --out benchmarks/results/frugality.json [--small]

One parent, two compositions, as two campaigns with the same searches: in the one the
reference engine moves atoms at 1200 K, relaxes what is removed and relaxes the lowest
structures by itself, rounds of active learning are three; the other is
``workflows/standard.yaml``. Both with 7net-0 (hours), or with ``--small`` CHGNet, small
cells, short searches and dynamics (minutes). Campaigns that were cut off go on. At the
end, what the engine relaxed by itself is relaxed from the same starts by single points,
on the same potential: pairs that differ in nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Structure
from relaxations import by_single_points, calculator

from lps_flows.jobs.export_results import export_potential
from lps_flows.jobs.outputs import outputs
from lps_flows.potential import ANNPotential
from lps_flows.runner import Workplace, launch_times, open_workplace, prices
from lps_flows.settings import CampaignKeys, load_campaign

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "benchmarks" / "frugality"

SCAN = {"parent": "beta-Li3PS4", "remove": "Li2S", "target_atoms": 128}
ALIKE: dict[str, Any] = {
    "engine": {"model": "7net-0"},
    "crystals": ["Li2S", "P2S5", "beta-Li3PS4", "gamma-Li3PS4"],
    "training_crystals": ["Li2S", "P2S5", "beta-Li3PS4", "gamma-Li3PS4"],
    "dataset": {"removal_parents": ["beta-Li3PS4"]},
    "sampling": {"scans": [SCAN | {"n_units": [2, 3]}]},
    "melt_quench": None,
    "selection": {"references": ["beta-Li3PS4"]},
    # 60 ps at each temperature, as the measurements in docs/sampling.md
    "conductivity": {
        "npt": 0.0,
        "n_seeds": 1,
        "equilibration": 10000.0,
        "production": 50000.0,
    },
}
BEFORE: dict[str, Any] = {
    "engine": {"relaxation": "native"},
    "dataset": {
        "relax_removed": True,
        "relaxation_steps": 40,
        "relaxation_frames": 6,
        "n_trajectories": 1,
        "md_temperature": 1200.0,
        "md_steps": 400,
        "n_snapshots": 20,
        "relax_snapshots": False,
    },
    "training": {"warm_iterations": None},
    "active_learning": {"rounds": 3, "enough": None, "refine": False},
    "conductivity": {"guard": None},
}
SMALL: dict[str, Any] = {
    "engine": {"name": "chgnet", "model": None, "fmax": 0.05},
    "dataset": {"target_atoms": 32},
    "training": {"restarts": 3, "iterations": 150},
    "active_learning": {
        "n_structures": 16,
        "dynamics": {"temperatures": [700.0, 1200.0], "duration": 1000.0},
    },
    "sampling": {
        "n_seeds": 1,
        "exploration_generations": 1,
        "scans": [SCAN | {"target_atoms": 64, "n_units": [1, 2]}],
        "evolution": {"population": 12, "generations": 5},
        "lowest": {"n_lowest": 4},
    },
    "conductivity": {
        "equilibration": 1000.0,
        "production": 4000.0,
        "target_atoms": 64,
    },
}


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return settings in which those above go before those below."""
    found = dict(below)
    for key, value in above.items():
        inner = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if inner else value
    return found


def campaigns(*, small: bool) -> dict[str, Path]:
    """Write both campaign files; only what this benchmark is about differs."""
    alike = merged(
        yaml.safe_load((ROOT / "workflows/standard.yaml").read_text()), ALIKE
    )
    alike = merged(alike, SMALL) if small else alike
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, changes in {"now": {}, "before": BEFORE}.items():
        settings = merged(alike, changes)
        settings["name"] = f"frugality-{name}" + ("-small" if small else "")
        settings["selection"].pop("compositions", None)
        settings = {key: value for key, value in settings.items() if value is not None}
        files[name] = FOLDER / f"{settings['name']}.yaml"
        files[name].write_text(yaml.safe_dump(settings))
        plans = load_campaign(files[name]).compositions()
        settings["selection"]["compositions"] = [plan.formula for plan in plans]
        files[name].write_text(yaml.safe_dump(settings))
    return files


def found_by(place: Workplace, settings: CampaignKeys) -> dict[str, Any]:
    """Return what a campaign cost and how good it is."""
    store, name = place.job_store, settings.name
    times, _ = launch_times(place.require_launchpad(), name)
    spent = prices(store, name, settings, times)
    crystals = [
        PDEntry(Composition(job.output["formula"]), job.output["energy"])
        for job in outputs(store, name, "StructureDocument")
        if job.stage == "crystals"
    ]
    elements = {e.symbol for entry in crystals for e in entry.composition}
    # so high that no mixture of them counts
    hull = PhaseDiagram([*crystals, *(PDEntry(Composition(e), 0.0) for e in elements)])
    counted = {
        run["run_uuid"]
        for job in outputs(store, name, "TransportDocument")
        for run in job.output["runs"]
    }
    runs = [
        job.output["failure"] is None
        for job in outputs(store, name, "MDRunDocument", fields=("failure",))
        if job.uuid in counted
    ]
    compositions = {}
    for job in outputs(store, name, "SamplingDocument"):
        sampled = job.output
        energies = [e for e in sampled["reference_energies"] if e is not None]
        formula = Composition(sampled["formula"])
        lowest = PDEntry(formula, min(energies) * formula.num_atoms)
        above = hull.get_decomp_and_e_above_hull(lowest, allow_negative=True)[1]
        compositions[sampled["formula"]] = {
            "lowest (eV/atom)": min(energies),
            "above hull (meV/atom)": 1000 * above,
            "mean abs. error (meV/atom)": sampled["mean_absolute_error"],
            "rank correlation": sampled["rank_correlation"],
        }
    return {
        "evaluations": {stage: price.evaluations for stage, price in spent.items()},
        "core-hours": {stage: price.core_hours for stage, price in spent.items()},
        "compositions": compositions,
        "runs": len(runs),
        "runs that lasted": sum(runs),
    }


def pairs(place: Workplace, settings: CampaignKeys) -> list[dict[str, Any]]:
    """Return how native relaxations and those by single points end (eV/atom)."""
    store, name = place.job_store, settings.name
    with TemporaryDirectory() as folder:
        export_potential(store, name, folder, "potential")
        potential = ANNPotential.load(Path(folder) / "potential.safetensors")
    engine = settings.engine
    reference = calculator(engine.model or engine.name)
    native = {job.uuid: job.output for job in outputs(store, name, "StructureDocument")}
    queued = place.require_launchpad().fireworks.find(
        {"spec.campaign": name, "spec.stage": "sampling", "name": {"$regex": "relax"}},
        {"spec._tasks.job": 1},
    )
    found = []
    for firework in queued.sort("fw_id", 1):
        job = firework["spec"]["_tasks"][0]["job"]
        ended = native.get(job["uuid"])
        if ended is None:
            continue
        start = Structure.from_dict(job["function_args"][0])
        ours = by_single_points(start, reference, potential, engine.fmax)
        found.append(
            {
                "formula": start.formula.replace(" ", ""),
                "native": {
                    "evaluations": ended["n_evaluations"],
                    "energy": ended["energy"] / len(start),
                    "converged": ended["converged"],
                },
                "single points": ours,
            }
        )
        print(json.dumps(found[-1]), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name, file in campaigns(small=options.small).items():
        command = ["lps-flows", "run", str(file)]
        subprocess.run([*command, f"--workers={options.workers}"], check=False)
        with open_workplace() as place:
            found[name] = found_by(place, load_campaign(file))
        print(name, json.dumps(found[name], indent=1), flush=True)
        options.out.write_text(json.dumps(found, indent=1) + "\n")
    with open_workplace() as place:
        found["pairs"] = pairs(place, load_campaign(file))
    options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
