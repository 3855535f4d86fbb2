"""Campaign files: presets load, mistakes are named before anything is computed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from lps_flows.chemistry import CompositionLine, crystal, supercell_near
from lps_flows.engines import (
    EngineError,
    EngineSettings,
    get_engine,
    read_calculation,
)
from lps_flows.engines.cost import estimate_cost
from lps_flows.jobs.export import export_structures
from lps_flows.jobs.labelled_files import LabelledFileError
from lps_flows.plan import count_labels, plan_campaign, plan_dynamics
from lps_flows.potential import ANNPotential
from lps_flows.potential.committee import has_cuda
from lps_flows.potential.errors import PotentialError
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.settings import CampaignFileError, CampaignSettings, load_campaign
from lps_flows.settings.assembly import campaign_maker
from tests.chemistry.test_orderings import published_beta
from tests.engines.stub import stub_engine
from tests.potential.test_evaluator import POTENTIAL

WORKFLOWS = Path(__file__).parents[2] / "workflows"
PRESETS = sorted(WORKFLOWS.glob("*.yaml"))


@pytest.fixture
def demo() -> dict[str, Any]:
    return yaml.safe_load((WORKFLOWS / "demo.yaml").read_text())


def _write(tmp_path: Path, content: Any) -> Path:
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_presets_load_and_make_a_flow(preset: Path) -> None:
    settings = load_campaign(preset)
    assert settings.name == preset.stem
    assert len(settings.compositions()) > 1
    stages = {job.metadata["stage"] for job, _ in settings.flow().iterflow()}
    campaigns = {job.metadata["campaign"] for job, _ in settings.flow().iterflow()}
    assert campaigns == {settings.name}
    assert {"crystals", "dataset", "training", "sampling", "selection"} <= stages
    assert {work.stage for work in plan_campaign(settings)} >= {
        "crystals",
        "dataset",
        "sampling",
        "conductivity",
    }


def test_paper_preset_spans_the_paper_s_compositions() -> None:
    settings = load_campaign(WORKFLOWS / "paper.yaml")
    xs = [settings.line.x(plan.formula) for plan in settings.compositions()]
    assert min(xs) == pytest.approx(0.385, abs=0.01)
    assert max(xs) == pytest.approx(0.867, abs=0.01)
    assert any(plan.formula == "Li42P16S61" for plan in settings.compositions())
    assert {plan.parent for plan in settings.compositions()} == {
        "LiPS3",
        "Li7P3S11",
        "beta-Li3PS4",
        "gamma-Li3PS4",
        "LT-Li7PS6",
    }
    assert settings.engine.name == "vasp"
    assert settings.training.restarts == 10
    assert settings.training.iterations == 500
    assert settings.sampling.evolution.population == 32
    assert settings.sampling.evolution.mutation_rate == pytest.approx(0.1)


@pytest.mark.skipif(has_cuda(), reason="there is a GPU here")
def test_a_training_on_a_device_that_is_not_there_is_refused_beforehand(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    demo["training"]["device"] = "cuda"
    settings = load_campaign(_write(tmp_path, demo))
    for make in (settings.maker, settings.flow):
        with pytest.raises(PotentialError, match="auto") as caught:
            make()
        assert caught.value.field == "training.device"


def test_hash_follows_the_settings_and_not_the_file(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    first = load_campaign(_write(tmp_path, demo))
    reordered = dict(reversed(list(demo.items())))
    changed = copy.deepcopy(demo)
    changed["engine"]["fmax"] = 0.01
    assert load_campaign(_write(tmp_path, reordered)).settings_hash == (
        first.settings_hash
    )
    assert load_campaign(_write(tmp_path, changed)).settings_hash != (
        first.settings_hash
    )


def test_settings_survive_json(demo: dict[str, Any]) -> None:
    settings = CampaignSettings.model_validate(demo)
    again = CampaignSettings.model_validate_json(settings.model_dump_json())
    assert again == settings


def _misspelt(content: dict[str, Any]) -> None:
    content["engine"]["fmaxx"] = 1


def _unknown_crystal(content: dict[str, Any]) -> None:
    content["crystals"].append("Li9PS9")


def _too_many_units(content: dict[str, Any]) -> None:
    content["sampling"]["scans"][0]["n_units"] = [500]


def _no_end_member(content: dict[str, Any]) -> None:
    content["crystals"].remove("P2S5")
    content["training_crystals"].remove("P2S5")


def _off_line_parent(content: dict[str, Any]) -> None:
    content["sampling"]["scans"].append(
        {"parent": "Li2PS3", "remove": "Li2S", "n_units": [1]}
    )


def _unlisted_parent(content: dict[str, Any]) -> None:
    content["crystals"].remove("LiPS3")
    content["training_crystals"].remove("LiPS3")
    content["dataset"]["removal_parents"].remove("LiPS3")


def _foreign_removal(content: dict[str, Any]) -> None:
    content["sampling"]["scans"][0]["remove"] = "Na2S"


def _bad_name(content: dict[str, Any]) -> None:
    content["name"] = "../elsewhere"


def _unknown_engine(content: dict[str, Any]) -> None:
    content["engine"]["name"] = "abinit"


def _unknown_md_engine(content: dict[str, Any]) -> None:
    content["conductivity_engine"] = {"name": "lammps"}


def _negative(content: dict[str, Any]) -> None:
    content["engine"]["fmax"] = -0.05


def _wrong_type(content: dict[str, Any]) -> None:
    content["training"]["restarts"] = "many"


def _empty_scan(content: dict[str, Any]) -> None:
    content["sampling"]["scans"][0]["n_units"] = []


def _no_scan(content: dict[str, Any]) -> None:
    content["sampling"]["scans"] = []


def _negative_units(content: dict[str, Any]) -> None:
    content["sampling"]["scans"][0]["n_units"] = [-1]


def _cold(content: dict[str, Any]) -> None:
    content["conductivity"]["temperatures"] = [-300.0, 600.0]


def _unlisted_removal_parent(content: dict[str, Any]) -> None:
    content["dataset"]["removal_parents"].append("Li4P2S6")


def _unknown_superionic(content: dict[str, Any]) -> None:
    content["analysis"] = {"candidates": {"superionic": ["LGPS"]}}


def _another_hull(content: dict[str, Any]) -> None:
    content["analysis"] = {"hull": {"end_members": ["Na2S", "P2S5"]}}


def _another_mobile_ion(content: dict[str, Any]) -> None:
    content["conductivity"]["analysis"] = {"mobile": "Na"}


def _own_crystal_of_the_library(content: dict[str, Any]) -> None:
    content["own_crystals"] = {"Li2S": {"like": "Li2S"}}


def _own_crystal_from_nowhere(content: dict[str, Any]) -> None:
    content["own_crystals"] = {"mine": {"file": "nowhere.cif"}}


def _labels_from_nowhere(content: dict[str, Any]) -> None:
    content["dataset"]["labelled"] = ["nowhere.extxyz"]


def _own_crystal_of_no_element(content: dict[str, Any]) -> None:
    content["own_crystals"] = {"mine": {"like": "Li2S", "replace": {"Li": "Xx"}}}


def _one_crystal(content: dict[str, Any]) -> None:
    content["crystals"] = "Li2S"


def _own_crystal_of_two_origins(content: dict[str, Any]) -> None:
    content["own_crystals"] = {"mine": {"file": "mine.cif", "like": "Li2S"}}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_misspelt, ["engine.fmaxx", "no such key", "Did you mean fmax?"]),
        (_unknown_engine, ["engine.name", "abinit", "chgnet"]),
        (_unknown_md_engine, ["conductivity_engine.name", "lammps", "ann"]),
        (_negative, ["engine.fmax", "-0.05", "greater than 0"]),
        (_wrong_type, ["training.restarts", "many", "integer"]),
        (_empty_scan, ["sampling.scans.0.n_units", "at least 1"]),
        (_no_scan, ["sampling.scans", "at least 1"]),
        (_negative_units, ["sampling.scans.0.n_units.0", "-1"]),
        (_cold, ["conductivity.temperatures.0", "-300"]),
        (_unlisted_removal_parent, ["dataset.removal_parents", "Li4P2S6"]),
        (_unknown_superionic, ["analysis.candidates.superionic", "LGPS", "beta-Li3"]),
        (_another_hull, ["analysis.hull.end_members", "line.end_members counts"]),
        (_another_mobile_ion, ["conductivity.analysis.mobile", "line.end_members"]),
        (_own_crystal_of_the_library, ["own_crystals.Li2S", "another"]),
        (_own_crystal_from_nowhere, ["own_crystals.mine", "nowhere.cif"]),
        (_labels_from_nowhere, ["dataset.labelled", "nowhere.extxyz"]),
        (_own_crystal_of_no_element, ["own_crystals.mine.replace", "Xx"]),
        (_one_crystal, ["crystals = 'Li2S'", "a list"]),
        (_own_crystal_of_two_origins, ["own_crystals.mine", "either"]),
        (_unknown_crystal, ["Li9PS9", "crystals"]),
        (_too_many_units, ["500", "sampling.scans"]),
        (_no_end_member, ["P2S5", "end members", "crystals"]),
        (_off_line_parent, ["sampling.scans", "Li"]),
        (_unlisted_parent, ["LiPS3", "crystals"]),
        (_foreign_removal, ["Na2S"]),
        (_bad_name, ["name", "../elsewhere"]),
    ],
)
def test_mistakes_name_key_and_value(
    tmp_path: Path, demo: dict[str, Any], spoil: Any, words: list[str]
) -> None:
    spoil(demo)
    with pytest.raises(CampaignFileError) as caught:
        load_campaign(_write(tmp_path, demo))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("section", "keys", "counts"),
    [
        ("engine", {"md": {"temperature": 900.0}}, "dataset.md_temperature"),
        ("engine", {"md": {"n_steps": 5}}, "dataset.md_steps"),
        ("engine", {"md": {"sampling_interval": 2}}, "dataset.n_snapshots"),
        ("engine", {"md": {"seed": 3}}, "dataset.seed"),
        ("conductivity_engine", {"fmax": 0.05}, "nothing is relaxed"),
        ("conductivity_engine", {"relax_cell": False}, "nothing is relaxed"),
        ("conductivity_engine", {"md": {"time_step": 2.0}}, "conductivity."),
    ],
)
def test_keys_that_never_acted_name_the_one_that_counts(
    tmp_path: Path,
    demo: dict[str, Any],
    section: str,
    keys: dict[str, Any],
    counts: str,
) -> None:
    demo[section] |= keys
    with pytest.raises(CampaignFileError, match=r"never acted") as caught:
        load_campaign(_write(tmp_path, demo))
    assert counts in str(caught.value)


def test_what_the_dynamics_of_the_reference_set_takes_from_the_engine_acts(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    demo["engine"]["md"] = {"time_step": 2.0, "damping_time": 30.0}
    dataset = load_campaign(_write(tmp_path, demo)).maker().dataset
    dynamics = dataset.dynamics.chunk.settings
    assert (dynamics.time_step, dynamics.damping_time) == (2.0, 30.0)


def test_further_stages_are_asked_for_and_counted(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    def stages(settings: CampaignSettings) -> set[str]:
        return {job.metadata["stage"] for job, _ in settings.flow().iterflow()}

    asked = {"melt-quench", "elasticity"}
    plain = load_campaign(_write(tmp_path, demo))
    assert not stages(plain) & asked
    assert not {work.stage for work in plan_campaign(plain)} & asked
    demo["melt_quench"] = {"n_structures": 2, "target_atoms": 200}
    demo["elasticity"] = {"crystals": ["Li2S", "beta-Li3PS4"]}
    settings = load_campaign(_write(tmp_path, demo))
    assert asked <= stages(settings)
    plan = {(w.stage, w.kind): w for w in plan_campaign(settings) if w.stage in asked}
    n_compositions = len(settings.compositions())
    molten = plan["melt-quench", "md"]
    assert molten.number == plan["melt-quench", "relax"].number == 2 * n_compositions
    assert molten.engine == "ann"
    assert molten.steps == 54_000  # 20 ps molten, 34 ps from 2000 to 300 K
    assert all(100 < n < 400 for n in molten.n_atoms)
    volumes = plan["elasticity", "relax"]
    assert volumes.engine == settings.engine.name
    assert volumes.number == 7 * (2 + n_compositions)
    deformed = plan["elasticity", "ann relax"]
    assert deformed.number == 25 * (2 + n_compositions)
    assert deformed.engine == "ann"


def test_an_empty_list_of_crystals_is_none_of_them_in_plan_and_flow(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    demo["elasticity"] = {"crystals": [], "tensor": False}
    settings = load_campaign(_write(tmp_path, demo))
    jobs = [job for job, _ in settings.flow().iterflow()]
    (volumes,) = (w for w in plan_campaign(settings) if w.stage == "elasticity")
    curves = [job for job in jobs if job.metadata["stage"] == "elasticity"]
    assert volumes.number == 7 * len(curves) == 7 * len(settings.compositions())


def test_dynamics_are_planned_in_the_cells_that_they_run_in(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    """Glasses of 33 to 61 atoms are repeated to about 100; the plan said 61."""
    settings = load_campaign(_write(tmp_path, demo))
    plan = next(p for p in settings.compositions() if p.formula == "Li22P8S31")
    glass = supercell_near(settings.crystal(plan.parent), plan.target_atoms)
    glass.remove_sites([0, 1, len(glass) - 1])  # two Li and a S
    assert glass.composition.formula == "Li22 P8 S31"
    moved = campaign_maker(settings).selection.conductivity.make(glass)
    first = next(job for job, _ in moved.iterflow())
    demo["selection"] = {"n_candidates": 0, "compositions": ["Li22P8S31"]}
    named = plan_dynamics(load_campaign(_write(tmp_path, demo)))[0]
    assert named.n_atoms == len(first.function_args[0]) == 122


def test_what_has_no_ion_to_move_is_planned_into_no_dynamics(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    """It is refused today; a campaign that was submitted before is planned and read."""
    scan = {"parent": "P2S5", "remove": "P2S5", "n_units": [1], "target_atoms": 56}
    demo["sampling"]["scans"].append(scan)
    demo["selection"] = {"n_candidates": 1, "compositions": ["P2S5", "Li22P8S31"]}
    file = _write(tmp_path, demo)
    with pytest.raises(CampaignFileError, match=r"selection\.compositions"):
        load_campaign(file)
    before = load_campaign(file, fitted=True)
    planned = [run.label for run in plan_dynamics(before) if run.reason == "named"]
    assert planned == ["gc-Li22P8S31"]


@pytest.mark.parametrize(
    ("name", "most"),
    [("chgnet", 22), ("vasp", 41)],  # VASP: twice 20 steps, and the energy at the end
)
def test_a_relaxation_takes_at_most_what_its_jobs_may(
    tmp_path: Path, demo: dict[str, Any], name: str, most: int
) -> None:
    demo["engine"] = {"name": name, "max_steps": 20}
    planned = plan_campaign(load_campaign(_write(tmp_path, demo)))
    limits = {(work.stage, work.steps) for work in planned if work.kind == "relax"} - {
        ("dataset", 22)
    }
    assert ("crystals", most) in limits
    assert {steps for stage, steps in limits if stage != "dataset"} == {most}


def test_curvatures_are_computed_with_the_thresholds_of_the_crystals(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    """Equations of state and phonons rest on small differences, tensors on stresses."""
    demo["elasticity"], demo["phonons"] = {}, {"crystals": ["Li2S"]}
    maker = campaign_maker(load_campaign(_write(tmp_path, demo)))
    tight = demo["engine"]["crystal_fmax"]
    for stage in (maker.elasticity, maker.phonons):
        (one,) = stage.makers
        assert one.engine.relax.relax_kwargs["fmax"] == tight
    assert maker.elasticity.forces.fmax == 0.002
    assert maker.sampling.lowest.relax.engine.relax.relax_kwargs["fmax"] > tight


@pytest.mark.parametrize(
    ("stage", "keys", "message"),
    [
        ("elasticity", {"crystals": ["Li9PS9"]}, r"elasticity.crystals = .'Li9PS9'."),
        ("melt_quench", {"melt_temperature": 200.0}, "hotter than the glass"),
    ],
)
def test_wrong_keys_of_further_stages_are_named(
    tmp_path: Path, demo: dict[str, Any], stage: str, keys: dict, message: str
) -> None:
    demo[stage] = keys
    with pytest.raises(CampaignFileError, match=message):
        load_campaign(_write(tmp_path, demo))


def test_a_potential_of_an_endless_name_is_named(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    demo["engine"] = {"name": "ann", "potential": "Li-P-S"}  # there everywhere
    demo["conductivity_engine"] = {"name": "ann", "potential": "x" * 300}
    settings = load_campaign(_write(tmp_path, demo))  # it may be a job's, in a store
    with pytest.raises(EngineError, match="potential = 'xxx"):
        campaign_maker(settings)


def test_every_mistake_is_named_at_once(tmp_path: Path, demo: dict[str, Any]) -> None:
    for spoil in (_negative, _misspelt, _wrong_type):
        spoil(demo)
    with pytest.raises(CampaignFileError) as caught:
        load_campaign(_write(tmp_path, demo))
    for word in ("engine.fmax ", "engine.fmaxx", "training.restarts"):
        assert word in str(caught.value)


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text((WORKFLOWS / "demo.yaml").read_text() + "training: {restarts: 2}\n")
    with pytest.raises(CampaignFileError, match="'training' is given twice"):
        load_campaign(file)


def test_another_line_brings_its_consequences() -> None:
    settings = load_campaign(WORKFLOWS.parent / "notebooks" / "sodium.yaml")
    analysis = settings.analysis
    assert settings.line.end_members == ("Na2S", "P2S5")
    fingerprints = analysis.fingerprints.on(settings.line)
    assert (fingerprints.element, fingerprints.species) == ("Na", ("Na", "P", "S"))
    assert settings.compared_crystals == settings.crystals
    maker = settings.maker()
    for part in (maker.build, maker.selection, maker.selection.conductivity):
        assert part.line == settings.line
    assert {plan.formula for plan in settings.compositions()} == {
        "Na10P4S15",
        "Na8P4S14",
    }
    jobs = [job.name for job, _ in settings.flow().iterflow()]
    assert any("beta-Na3PS4" in name for name in jobs)
    assert plan_campaign(settings)


def test_a_line_without_a_known_conductor_asks_for_one(tmp_path: Path) -> None:
    content = yaml.safe_load(
        (WORKFLOWS.parent / "notebooks" / "sodium.yaml").read_text()
    )
    del content["analysis"]
    with pytest.raises(CampaignFileError, match=r"analysis\.candidates\.superionic"):
        load_campaign(_write(tmp_path, content))


def test_a_known_conductor_that_is_compared_but_not_in_the_campaign_is_none(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    for listed in (demo["crystals"], demo["training_crystals"]):
        listed.remove("Li4P2S7")
    demo["analysis"] = {
        "clusters": {"references": ["LiPS3", "beta-Li3PS4", "Li4P2S7"]},
        "candidates": {"superionic": ["Li4P2S7"], "poor": []},
    }
    with pytest.raises(CampaignFileError) as caught:
        load_campaign(_write(tmp_path, demo))
    assert "analysis.candidates.superionic = ['Li4P2S7']" in str(caught.value)
    assert "Name one of LiPS3, beta-Li3PS4, or" in str(caught.value)


def test_naming_the_default_line_changes_nothing(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    plain = load_campaign(_write(tmp_path, demo))
    demo["line"] = {"end_members": ["Li2S", "P2S5"]}
    assert load_campaign(_write(tmp_path, demo)).settings_hash == plain.settings_hash


def test_exploration_and_search_take_an_own_parent_alike(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    (tmp_path / "mine.cif").write_text(crystal("gamma-Li3PS4").to(fmt="cif"))
    demo["own_crystals"] = {"mine": {"file": "mine.cif"}}
    demo["crystals"].append("mine")
    demo["sampling"]["scans"] = [
        {"parent": "mine", "remove": "Li2S", "n_units": [1], "target_atoms": 64}
    ]
    settings = load_campaign(_write(tmp_path, demo))
    jobs = [job for job, _ in settings.flow().iterflow()]
    searches = [job for job in jobs if job.function_kwargs.get("parent_key") == "mine"]
    assert len(searches) == settings.active_learning.rounds + 1
    for search in searches:
        assert search.function_kwargs["unrelaxed"] == settings.crystal("mine")
        assert search.function_kwargs["target_atoms"] == 64


def test_own_crystals_come_from_files_beside_the_campaign(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    mine = crystal("Li4P2S6").to(fmt="cif")
    (tmp_path / "mine.cif").write_text(mine)
    demo["own_crystals"] = {"mine": {"file": "mine.cif"}}
    demo["crystals"].append("mine")
    settings = load_campaign(_write(tmp_path, demo))
    assert settings.crystal("mine").composition.reduced_formula == "Li2PS3"
    assert any("mine" in job.name for job, _ in settings.flow().iterflow())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine.cif").write_text(mine)
    moved = load_campaign(_write(tmp_path / "elsewhere", demo))
    assert moved.settings_hash == settings.settings_hash
    (tmp_path / "mine.cif").write_text(crystal("Li7P3S11").to(fmt="cif"))
    assert load_campaign(_write(tmp_path, demo)).settings_hash != settings.settings_hash


def _labels(file: Path, energy: float, method: str) -> None:
    document = StructureDocument.of(
        crystal("Li2S"),
        energy,
        Provenance(source="strained", parent="Li2S"),
        method=method,
        line=CompositionLine(),
        relaxed=False,
    )
    export_structures([document] * 5, file.parent / "export", "extxyz")
    (file.parent / "export" / "structures.extxyz").rename(file)


def test_labelled_structures_come_from_files_beside_the_campaign(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    without = count_labels(load_campaign(_write(tmp_path, demo)))
    demo["dataset"]["labelled"] = ["mine.extxyz"]
    method = get_engine(EngineSettings(**demo["engine"])).method
    _labels(tmp_path / "mine.extxyz", -12.0, method)
    settings = load_campaign(_write(tmp_path, demo))
    assert count_labels(settings) == without + 5
    jobs = {job.name: job for job, _ in settings.flow().iterflow()}
    reads = jobs["read labels mine.extxyz"]
    assert reads.function_args[0] == str(tmp_path / "mine.extxyz")
    # the first training waits for it
    assert reads.uuid in jobs["train potential"].input_uuids
    # what is in the file counts, not where it lies
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    _labels(elsewhere / "mine.extxyz", -12.0, method)
    moved = load_campaign(_write(elsewhere, demo))
    assert moved.settings_hash == settings.settings_hash
    assert moved.differences(settings.recorded) == []
    _labels(elsewhere / "mine.extxyz", -12.5, method)
    changed = load_campaign(_write(elsewhere, demo))
    (difference,) = changed.differences(settings.recorded)
    assert difference.key == "dataset.labelled"
    assert changed.as_submitted(settings.recorded).dataset == changed.dataset
    # energies of another method stop it before anything is submitted
    _labels(elsewhere / "mine.extxyz", -12.0, "another")
    with pytest.raises(LabelledFileError, match="by another in frame 0"):
        load_campaign(_write(elsewhere, demo)).flow()


def test_files_count_from_the_campaign_file_wherever_the_jobs_run(
    tmp_path: Path, demo: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The campaign file may be named by a relative path itself."""
    inputs = tmp_path / "work" / "inputs"
    inputs.mkdir(parents=True)
    method = get_engine(EngineSettings(**demo["engine"])).method
    _labels(inputs / "mine.extxyz", -12.0, method)
    POTENTIAL.save(inputs / "mine.safetensors")
    crystal("Li4P2S6").to(filename=str(inputs / "mine.cif"))
    demo["dataset"]["labelled"] = ["inputs/mine.extxyz"]
    demo["conductivity_engine"] = {"name": "ann"}
    demo["conductivity_engine"]["potential"] = "inputs/mine.safetensors"
    demo["own_crystals"] = {"mine": {"file": "inputs/mine.cif"}}
    _write(tmp_path / "work", demo)
    monkeypatch.chdir(tmp_path)
    settings = load_campaign("work/campaign.yaml", fitted=True)
    monkeypatch.chdir("/")
    assert settings.own_crystals["mine"].file == str(inputs / "mine.cif")
    maker = settings.maker()
    moving = maker.selection.conductivity.engine
    assert moving.potential == str(inputs / "mine.safetensors")
    assert get_engine(moving).method == f"ann-{POTENTIAL.identifier}"
    reads = [j for j, _ in settings.flow().iterflow() if j.name.startswith("read")]
    assert [job.function_args[0] for job in reads] == [str(inputs / "mine.extxyz")]


@pytest.mark.parametrize("named", ["Li-P-S", str(UUID(int=1)), "not there"])
def test_only_files_that_are_there_count_from_the_campaign_file(
    tmp_path: Path, demo: dict[str, Any], named: str
) -> None:
    (tmp_path / "Li-P-S").touch()
    demo["conductivity_engine"] = {"name": "ann", "potential": named}
    settings = load_campaign(_write(tmp_path, demo), fitted=True)
    assert settings.conductivity_engine.potential == named
    assert settings.recorded["conductivity_engine"]["potential"] == named


def test_a_given_potential_counts_with_what_is_in_it(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    demo["conductivity_engine"] = {"name": "ann", "potential": "mine.safetensors"}
    potential, loaded = POTENTIAL, []
    for name in ("a", "moved"):
        (tmp_path / name).mkdir()
        potential.save(tmp_path / name / "mine.safetensors")
        loaded.append(load_campaign(_write(tmp_path / name, demo), fitted=True))
    first, moved = loaded
    assert moved.settings_hash == first.settings_hash
    # a campaign that an older version submitted goes on: it recorded the path
    for path in ("mine.safetensors", str(tmp_path / "a" / "mine.safetensors")):
        old = copy.deepcopy(first.recorded)
        old["conductivity_engine"]["potential"] = path
        assert first.differences(old) == []
        assert first.as_submitted(old).model_dump() == first.model_dump()
    ANNPotential.published("Li-P-S").save(tmp_path / "moved" / "mine.safetensors")
    (difference,) = moved.differences(first.recorded)
    assert difference.key == "conductivity_engine.potential"
    shown = moved.as_submitted(first.recorded).conductivity_engine
    assert shown == moved.conductivity_engine


def test_a_disordered_file_is_ordered_where_the_campaign_says_how(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    published_beta().to(filename=str(tmp_path / "mine.cif"))
    demo["crystals"].append("mine")
    demo["own_crystals"] = {"mine": {"file": "mine.cif"}}
    with pytest.raises(CampaignFileError, match="disordered"):
        load_campaign(_write(tmp_path, demo))
    demo["own_crystals"]["mine"]["order"] = {"n_lowest": 2, "target_atoms": 32}
    settings = load_campaign(_write(tmp_path, demo))
    jobs = [job for job, _ in settings.flow().iterflow()]
    names = [job.name for job in jobs if job.name.endswith(" mine")]
    assert names == ["order mine", "reference relax mine"]
    (crystals,) = (w for w in plan_campaign(settings) if w.stage == "crystals")
    # two orderings, and the lower one once more
    assert crystals.number == len(demo["crystals"]) + 2
    demo["own_crystals"]["mine"]["order"]["n_lowest"] = 3
    other = load_campaign(_write(tmp_path, demo))
    assert other.settings_hash != settings.settings_hash


def test_missing_and_broken_files_are_typed_errors(tmp_path: Path) -> None:
    with pytest.raises(CampaignFileError, match=r"nowhere\.yaml"):
        load_campaign(tmp_path / "nowhere.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: [unclosed")
    with pytest.raises(CampaignFileError, match=r"broken\.yaml"):
        load_campaign(broken)
    broken.write_text("- just\n- a list\n")
    with pytest.raises(CampaignFileError, match="keys and values"):
        load_campaign(broken)


def test_yaml_is_read_safely(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    file = tmp_path / "evil.yaml"
    file.write_text(f"name: !!python/object/apply:os.mkdir ['{marker}']\n")
    with pytest.raises(CampaignFileError):
        load_campaign(file)
    assert not marker.exists()


def test_crystals_are_relaxed_tighter_than_glasses() -> None:
    settings = load_campaign(WORKFLOWS / "paper.yaml")
    maker = settings.maker()
    crystals = maker.relax.engine
    glasses = maker.sampling.lowest.relax.engine
    assert crystals.relax.input_set_generator.fmax == 0.01
    assert glasses.relax.input_set_generator.fmax == 0.02
    assert (crystals.max_stress, glasses.max_stress) == (0.05, 0.1)


@pytest.mark.parametrize(
    ("name", "keys", "held"),
    [
        ("sevennet", None, ("P2S5",)),
        ("chgnet", None, ()),
        ("vasp", None, ()),
        ("chgnet", ("Li2S",), ("Li2S",)),
        ("sevennet", (), ()),
    ],
)
def test_p2s5_is_held_where_it_would_run_away(
    name: str, keys: tuple[str, ...] | None, held: tuple[str, ...]
) -> None:
    assert EngineSettings(name=name, held_cells=keys).cells_held == held


def test_a_held_crystal_relaxes_its_atoms_alone_and_says_so(
    demo: dict[str, Any],
) -> None:
    demo["engine"] |= {"held_cells": ["P2S5"]}
    flow = CampaignSettings.model_validate(demo).flow()
    relaxing = {
        job.name.rsplit(" ", 1)[-1]: job.maker
        for job, _ in flow.iterflow()
        if job.name.startswith("reference relax")
    }
    held = {
        key: maker.remarks
        for key, maker in relaxing.items()
        if not maker.engine.relax.relax_cell
    }
    assert list(held) == ["P2S5"]
    assert "held" in held["P2S5"][0]
    assert len(relaxing) == len(demo["crystals"])


def test_dynamics_that_start_anew_are_counted() -> None:
    settings = load_campaign(WORKFLOWS / "standard.yaml")
    assert settings.conductivity.guard.restarts == 2
    first, cells, again, cells_again = (
        work
        for work in plan_campaign(settings)
        if (work.stage, work.kind) == ("conductivity", "md")
    )
    assert (again.number, cells_again.number) == (2 * first.number, 2 * cells.number)
    assert (again.steps, cells_again.steps) == (first.steps, cells.steps)
    assert [work.at_most for work in (first, cells, again)] == [False, False, True]


def test_limits_of_relaxations_lower_what_is_foretold_and_hold(
    tmp_path: Path, demo: dict[str, Any]
) -> None:
    task = stub_engine(steps=3).compute(crystal("Li2S").perturb(0.3), relax=True)
    taken = read_calculation(task).n_steps

    def foretold(steps: int, warm: int) -> dict[tuple[str, str], int]:
        demo["engine"] |= {"max_steps": steps, "relaxation": "native"}
        demo["sampling"]["relaxation"]["max_steps"] = warm
        demo["dataset"]["relaxation_steps"] = steps
        settings = load_campaign(_write(tmp_path, demo))
        return {
            (line.stage, line.kind): line.evaluations // line.number
            for line in estimate_cost(plan_campaign(settings))
            if line.kind.endswith("relax")
        }

    short, long = foretold(3, 3), foretold(500, 500)
    relaxations = {"crystals", "dataset", "sampling"}
    assert {stage for stage, kind in short if kind == "relax"} == relaxations
    assert set(short.values()) == {taken}
    # what a typical relaxation takes, not what a limit would let it take
    assert set(long.values()) == {120, 58}


def test_the_frugal_study_is_the_papers_for_a_thousandth_of_its_evaluations() -> None:
    paper, frugal = (
        load_campaign(WORKFLOWS / f"{name}.yaml") for name in ("paper", "frugal")
    )
    assert frugal.maker().relax.engine.method == paper.maker().relax.engine.method
    same = ("fmax", "crystal_fmax", "vasp", "relax_cell")
    assert all(getattr(frugal.engine, n) == getattr(paper.engine, n) for n in same)
    assert frugal.compositions() == paper.compositions()
    assert frugal.crystals == paper.crystals
    planned = plan_campaign(frugal)
    spent = [line for line in estimate_cost(planned) if line.engine == "vasp"]
    assert 1000 < sum(line.evaluations for line in spent) <= 6000
    assert not [line for line in spent if line.kind == "md"]
    assert not [
        job.name
        for job, _ in frugal.flow().iterflow()
        if "vasp" in job.name and " md " in job.name
    ]
    published = estimate_cost(plan_campaign(paper))
    assert not any(planned.led for planned in plan_campaign(paper))
    assert sum(line.evaluations for line in published if line.engine == "vasp") > 5.8e6
