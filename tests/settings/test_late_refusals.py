"""What a late job would refuse is refused when the file is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lps_flows.chemistry import crystal
from lps_flows.engines import settings as engine_settings
from lps_flows.settings import CampaignFileError, load_campaign

WORKFLOWS = Path(__file__).parents[2] / "workflows"


@pytest.fixture
def demo() -> dict[str, Any]:
    return yaml.safe_load((WORKFLOWS / "demo.yaml").read_text())


def _load(tmp_path: Path, content: dict[str, Any], changes: dict[str, Any]) -> Any:
    for path, value in changes.items():
        *tables, key = path.split(".")
        table = content
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = value
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    return load_campaign(file)


LATE = {
    "one temperature": (
        {"conductivity.temperatures": [700.0]},
        "conductivity.temperatures",
    ),
    "a temperature twice": (
        {"conductivity.temperatures": [500.0, 700.0, 500.0]},
        "conductivity.temperatures",
    ),
    "a run too short": ({"conductivity.production": 100.0}, "conductivity.production"),
    "few frames": ({"conductivity.frame_interval": 1000}, "conductivity.production"),
    "a composition that no scan reaches": (
        {"selection.compositions": ["Li38P24S79"]},
        "no scan reaches them. Choose among",
    ),
    "a composition that is none": (
        {"selection.compositions": ["nonsense!"]},
        "not a formula",
    ),
    "a held cell of no crystal": (
        {"engine.held_cells": ["typo"]},
        "engine.held_cells = ['typo']",
    ),
    "a reference without Li": ({"selection.references": ["P2S5"]}, "holds no Li"),
    "angular beyond radial": (
        {"training.descriptor": {"radial_cutoff": 3.0, "angular_cutoff": 6.0}},
        "training.descriptor",
    ),
    "species that miss one": ({"training.species": ["Li", "S"]}, "training.species"),
    "a species twice": (
        {"training.species": ["Li", "P", "S", "S"]},
        "training.descriptor",
    ),
    "no element": ({"training.species": ["Li", "P", "S", "Xx"]}, "training.descriptor"),
    "energies that miss one": (
        {"training.atomic_energies": {"Li": -1.0, "P": -2.0}},
        "training.atomic_energies",
    ),
    "nothing to learn": (
        {"training.energy_weight": 0.0, "training.force_weight": 0.0},
        "training.energy_weight",
    ),
    "a committee of one": ({"training.restarts": 1}, "training.restarts"),
    "labels that no training takes": (
        {"dataset.n_squeezed": 6, "training.max_force": 24.0},
        "training.max_force",
    ),
    "overlap in training": (
        {"training.descriptor": {"minimum_distance": 1.95}},
        "training.descriptor.minimum_distance",
    ),
    "closer than trained on": (
        {"training.descriptor": {"minimum_distance": 1.7}},
        "dataset.min_distance",
    ),
    "fingerprints angular beyond radial": (
        {"analysis.fingerprints": {"radial_cutoff": 3.0, "angular_cutoff": 6.0}},
        "analysis.fingerprints",
    ),
    "fingerprints of no element": (
        {"analysis.fingerprints": {"species": ["Li", "P", "S", "Xx"]}},
        "analysis.fingerprints",
    ),
    "fingerprints without S": (
        {"analysis.fingerprints": {"species": ["Li", "P"]}},
        "analysis.fingerprints.species",
    ),
    "bins without number": ({"analysis.rdf": {"bin_width": 1e-7}}, "analysis.rdf"),
    "glasses of nowhere": (
        {"analysis.hull": {"glass_sources": ["GA"]}},
        "glass_sources",
    ),
    "classes of no crystal": (
        {"analysis.clusters": {"references": ["beta-Li3PS4", "LGPS"]}},
        "analysis.clusters.references",
    ),
    "a conductor of no name": (
        {"analysis.candidates": {"superionic": ["beta-Li3PS4", "beta-Li3PO4"]}},
        "analysis.candidates.superionic",
    ),
    "atoms closer than allowed": ({"dataset.min_distance": 2.5}, "dataset.rattle"),
    "rattled to pieces": ({"dataset.rattle": 2.0}, "dataset.rattle"),
    "a cell too small": (
        {"dataset.target_atoms": 1, "dataset.max_removed_fraction": 0.01},
        "dataset.max_removed_fraction",
    ),
    "removal off the line": (
        {"dataset.removal_parents": ["P"], "training_crystals": ["Li2S", "P2S5", "P"]},
        "dataset.removal_parents",
    ),
    "nothing around crystals": (
        {
            "dataset.isotropic_strains": [],
            "dataset.n_strained": 0,
            "dataset.n_rattled": 0,
        },
        "dataset.n_strained",
    ),
    "a strain twice": (
        {"dataset.isotropic_strains": [0.03, 0.03]},
        "dataset.isotropic_strains",
    ),
    "a crystal twice": ({"training_crystals": ["Li2S", "P2S5", "P2S5"]}, "given twice"),
    "a cathode of no elements": (
        {"analysis.windows": {"against": ["NMC"]}},
        "analysis.windows.against = ['NMC']",
    ),
    "a phase of no elements": (
        {"analysis.windows": {"phases": {"licoo2": -22.9, "Li2S": -12.0}}},
        "analysis.windows.phases = ['licoo2']",
    ),
    "a held cell twice": ({"engine.held_cells": ["P2S5", "P2S5"]}, "given twice"),
    "no operator": (
        {
            "sampling.evolution.weights": dict.fromkeys(
                (
                    "removal_crossover",
                    "removal_mutation",
                    "cut_and_splice",
                    "permutation",
                    "strain",
                    "rattle",
                    "random_removal",
                ),
                0.0,
            )
        },
        "sampling.evolution.weights",
    ),
    "every child rejected": (
        {"sampling.evolution.min_distance": 1.0},
        "sampling.evolution.min_distance",
    ),
    "every relaxation rejected": (
        {"sampling.relaxation.min_distance": 1.0},
        "sampling.relaxation.min_distance",
    ),
    "a time step beside the settings": (
        {"engine.name": "vasp", "engine.vasp": {"incar": {"POTIM": 0.5}}},
        "engine.vasp.incar.POTIM = 0.5",
    ),
    "a misspelt key of VASP": (
        {"conductivity_engine": {"name": "vasp", "vasp": {"incar": {"ENCTU": 600}}}},
        "conductivity_engine.vasp.incar.ENCTU = 600",
    ),
    "a potential that the engine does not read": (
        {"engine.potential": "Li-P-S"},
        "engine.potential = 'Li-P-S': chgnet does not read it, ann does",
    ),
    "arguments that the engine does not read": (
        {"conductivity_engine": {"name": "vasp", "arguments": {"a": 1}}},
        "conductivity_engine.arguments",
    ),
    "a guard with no committee to ask": (
        {"conductivity.guard": {}, "conductivity_engine": {"name": "chgnet"}},
        "conductivity.guard",
    ),
    "a guard with a single member to ask": (
        {
            "conductivity.guard": {},
            "conductivity_engine": {"name": "ann"},
            "active_learning": {"rounds": 0},
            "training.restarts": 1,
        },
        "leave conductivity.guard out",
    ),
    "a glass in which nothing moves": (
        {
            "sampling.scans": [
                {
                    "parent": "LiPS3",
                    "remove": "Li2S",
                    "n_units": [4],
                    "target_atoms": 40,
                }
            ],
            "crystals": ["Li2S", "P2S5", "LiPS3", "gamma-Li3PS4", "beta-Li3PS4"],
            "training_crystals": ["LiPS3"],
            "dataset.removal_parents": ["LiPS3"],
            "selection": {"compositions": ["P2S5"]},
        },
        "selection.compositions = 'P2S5': holds no Li",
    ),
    "fewer labels than searches to judge": (
        {
            "active_learning": {"rounds": 2, "n_structures": 3, "enough": {}},
        },
        "active_learning.n_structures = 3",
    ),
    "a mean over too few volumes": (
        {"conductivity.npt": 2.0, "conductivity_engine": {"name": "ann"}},
        "conductivity.npt = 2",
    ),
    "removals of parents that nobody named": (
        {"dataset.max_removed_fraction": 0.01, "dataset.removal_parents": None},
        "dataset.max_removed_fraction",
    ),
    "a curve of one temperature": (
        {"analysis.phonons": {"temperatures": [300.0]}},
        "analysis.phonons.temperatures = [300.0]",
    ),
    "a curve that goes back": (
        {"analysis.phonons": {"temperatures": [600.0, 300.0]}},
        "analysis.phonons.temperatures = [600.0, 300.0]",
    ),
    "no glass": ({"analysis.hull": {"glass_sources": []}}, "analysis.hull.glass_so"),
    "crystals as glasses": (
        {"analysis.hull": {"glass_sources": ["ga", "crystal"]}},
        "crystals would be glass-ceramics",
    ),
    "a potential of no crystal": ({"training_crystals": []}, "training_crystals = []"),
    "a crystal that nothing asks for": (
        {"own_crystals": {"mine": {"like": "beta-Li3PS4", "replace": {"P": "As"}}}},
        "own_crystals.mine: nothing asks for it",
    ),
    "two engines in one": (
        {"engine.calculator": "ase.calculators.emt.EMT"},
        "engine.calculator",
    ),
    "a poor conductor of no name": (
        {"analysis.candidates": {"poor": ["gamma-Li3PO4"]}},
        "analysis.candidates.poor",
    ),
    "a poor conductor twice": (
        {"analysis.candidates": {"poor": ["gamma-Li3PS4", "gamma-Li3PS4"]}},
        "analysis.candidates.poor",
    ),
    "every frame left out": (
        {"active_learning.dynamics.min_distance": 2.2},
        "active_learning.dynamics.min_distance",
    ),
}


@pytest.mark.parametrize("case", LATE)
def test_what_a_late_job_would_refuse_is_refused(
    tmp_path: Path, demo: dict[str, Any], case: str
) -> None:
    changes, words = LATE[case]
    with pytest.raises(CampaignFileError) as caught:
        _load(tmp_path, demo, changes)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "scans",
    [
        [[1, 2], [2, 3]],
        [[1, 1]],
        [[1], [2], [1]],
    ],
    ids=["between scans", "within one", "far apart"],
)
def test_a_search_asked_for_twice_is_refused(
    tmp_path: Path, demo: dict[str, Any], scans: list[list[int]]
) -> None:
    scan = {"parent": "beta-Li3PS4", "remove": "Li2S", "target_atoms": 64}
    changes = {"sampling.scans": [{**scan, "n_units": units} for units in scans]}
    with pytest.raises(CampaignFileError, match=r"sampling\.scans.*same search"):
        _load(tmp_path, demo, changes)


def test_one_unit_written_in_two_ways_is_one_search(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    scan = {"parent": "beta-Li3PS4", "target_atoms": 64}
    twice = [
        {**scan, "remove": "Li2S", "n_units": [2]},
        {**scan, "remove": {"Li2S": 2}, "n_units": [1]},
    ]
    with pytest.raises(CampaignFileError, match="same search"):
        _load(tmp_path, demo, {"sampling.scans": twice})


def test_strains_that_are_not_drawn_bring_no_atoms_together(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    changes = {
        "dataset.isotropic_strains": [-0.03],
        "dataset.n_strained": 0,
        "training.descriptor": {"minimum_distance": 1.78},
        "dataset.min_distance": 1.8,
    }
    _load(tmp_path, demo, changes)
    with pytest.raises(CampaignFileError, match="minimum_distance"):
        _load(tmp_path, demo, {"dataset.n_strained": 1})


def test_every_list_of_an_engine_can_be_given(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    """Files are read strictly: a list that became Python would be no tuple."""
    demo["engine"]["held_cells"] = []
    assert _load(tmp_path, demo, {}).engine.held_cells == ()
    demo["engine"]["held_cells"] = ["P2S5"]
    assert _load(tmp_path, demo, {}).engine.held_cells == ("P2S5",)
    demo["engine"] = {"calculator": "ase.calculators.emt.EMT", "arguments": {}}
    assert _load(tmp_path, demo, {}).engine.name == "calculator"


def test_targets_that_give_one_supercell_are_one_search(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    scan = {"parent": "beta-Li3PS4", "remove": "Li2S", "n_units": [1]}
    near = [{**scan, "target_atoms": 64}, {**scan, "target_atoms": 65}]
    with pytest.raises(CampaignFileError, match="same search"):
        _load(tmp_path, demo, {"sampling.scans": near})
    apart = [{**scan, "target_atoms": 64}, {**scan, "target_atoms": 128}]
    assert len(_load(tmp_path, demo, {"sampling.scans": apart}).compositions()) == 2


def test_the_relaxed_crystal_is_not_needed_to_find_out(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    squeezed = crystal("gamma-Li3PS4")
    squeezed.scale_lattice(0.8 * squeezed.volume)
    squeezed.to(filename=str(tmp_path / "mine.cif"))
    demo["own_crystals"] = {"mine": {"file": "mine.cif"}}
    demo["crystals"].append("mine")
    demo["training_crystals"].append("mine")
    _load(tmp_path, demo, {"dataset.min_distance": 1.6})
    with pytest.raises(CampaignFileError, match="mine"):
        _load(tmp_path, demo, {"dataset.min_distance": 1.95})


def test_a_given_potential_knows_all_elements(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    of_elements = "engine.potential = 'Li-P-S': it knows Li, P, S"
    demo["engine"] = {"name": "ann", "potential": "Li-P-S"}
    demo["conductivity_engine"] = {"name": "ann"}
    _load(tmp_path, demo, {})
    demo["own_crystals"] = {"mine": {"like": "beta-Li3PS4", "replace": {"P": "As"}}}
    demo["crystals"].append("mine")
    with pytest.raises(CampaignFileError, match=f"{of_elements}.* hold As"):
        _load(tmp_path, demo, {})
    (tmp_path / "mine.safetensors").write_text("nothing")
    given = str(tmp_path / "mine.safetensors")
    with pytest.raises(CampaignFileError, match=r"engine\.potential = .*mine\.safe"):
        _load(tmp_path, demo, {"engine.potential": given})


def test_cells_held_by_default_need_not_be_crystals_of_the_campaign(
    tmp_path: Path, demo: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _load(tmp_path, demo, {})
    monkeypatch.setitem(engine_settings._HELD, settings.engine.name, ("not there",))
    assert settings.engine.cells_held == ("not there",)
    assert settings.flow().name == settings.name
