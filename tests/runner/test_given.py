"""Files that a campaign file leads to go with the campaign, wherever it goes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from jobflow import Flow
from typer.testing import CliRunner

from lps_flows.chemistry import crystal
from lps_flows.cli import app
from lps_flows.runner import Home, PrivateMongod, Workplace, archive, restore, submit
from lps_flows.runner.archive_file import DamagedArchiveError
from lps_flows.runner.archiving import lost_files
from lps_flows.settings import CampaignFileError, load_campaign
from tests.chemistry.test_orderings import published_beta
from tests.potential.test_evaluator import POTENTIAL
from tests.runner.test_archive import changed, drop, make_workplace
from tests.toy_jobs import number, toy_flow

ORDER = {"n_lowest": 2, "target_atoms": 32}
DEMO = Path(__file__).parents[2] / "workflows" / "demo.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A campaign file that leads to files of every kind, two of them called alike."""
    folder = tmp_path / "mine"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "labels.extxyz").write_text(name * 2_000_000)
    POTENTIAL.save(folder / "mine.safetensors")
    crystal("Li4P2S6").to(filename=str(folder / "mine.cif"))
    published_beta().to(filename=str(folder / "disordered.cif"))
    content = yaml.safe_load(DEMO.read_text())
    content["name"] = "toy"
    content["dataset"]["labelled"] = ["a/labels.extxyz", "b/labels.extxyz"]
    content["conductivity_engine"] = {"name": "ann", "potential": "mine.safetensors"}
    content["own_crystals"] = {
        "mine": {"file": "mine.cif"},
        "replaced": {"file": "mine.cif", "replace": {"P": "As"}},
        "like": {"like": "beta-Li3PS4", "replace": {"P": "As"}},
        "ordered": {"file": "disordered.cif", "order": ORDER},
    }
    content["crystals"] += list(content["own_crystals"])
    file = folder / "toy.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture
def there(mongod: PrivateMongod, tmp_path: Path) -> Iterator[Workplace]:
    place = make_workplace(mongod, Home(tmp_path / "there"))
    yield place
    drop(place)


def submitted(place: Workplace, file: Path) -> str:
    """Submit a campaign whose jobs take files; return the hash of its settings."""
    settings = load_campaign(file, fitted=True)
    paths = [*settings.dataset.labelled, settings.conductivity_engine.potential]
    jobs = [number(k, path, "reads") for k, path in enumerate(paths)]
    submit(place, Flow(jobs), "toy", settings.settings_hash, settings)
    return settings.settings_hash


def restored(
    place: Workplace, archived: Path, to: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Restore by the verb, the campaign file too; return what it says."""

    @contextmanager
    def opened() -> Iterator[Workplace]:
        yield place

    monkeypatch.setattr("lps_flows.cli.keeping.workplace", opened)
    arguments = ["restore", str(archived), "--settings", str(to)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_a_campaign_file_that_is_written_works_and_is_the_same(
    workplace: Workplace,
    there: Workplace,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings_hash = submitted(workplace, file)
    archived = archive(workplace, "toy", tmp_path / "toy.lps")
    assert lost_files(workplace, "toy") == []
    file.parent.rename(tmp_path / "gone")
    elsewhere = tmp_path / "elsewhere" / "again.yaml"
    elsewhere.parent.mkdir()
    assert "not in the archive" not in restored(there, archived, elsewhere, monkeypatch)
    assert {path.name for path in elsewhere.parent.iterdir()} == {
        "again.yaml",
        "again-files",
    }
    again = load_campaign(elsewhere, fitted=True)
    assert again.settings_hash == settings_hash
    assert not submit(there, Flow([]), "toy", again.settings_hash, again).new
    # jobs that have not run yet find them, too
    tasks = there.launchpad.fireworks.distinct("spec._tasks.job.function_args")
    paths = [Path(value) for value in tasks if str(value).startswith("/")]
    assert len(paths) == 3
    assert all(path.is_relative_to(there.home.path) for path in paths)
    assert {path.read_bytes()[:1] for path in paths} > {b"a", b"b"}
    # and once more, of a complete campaign, from which large files are left out
    there.launchpad.fireworks.update_many({}, {"$set": {"state": "COMPLETED"}})
    second = archive(there, "toy", tmp_path / "second.lps")
    assert lost_files(there, "toy") == []
    assert second.stat().st_size > 0.9 * archived.stat().st_size


def test_one_content_under_two_names_is_kept_for_both(
    workplace: Workplace,
    there: Workplace,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (file.parent / "copy.extxyz").write_bytes(
        (file.parent / "a" / "labels.extxyz").read_bytes()
    )
    content = yaml.safe_load(file.read_text())
    content["dataset"]["labelled"].append("copy.extxyz")
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(CampaignFileError, match="would count twice"):
        load_campaign(file)  # one that was submitted before goes on
    submitted(workplace, file)
    archived = archive(workplace, "toy", tmp_path / "toy.lps")
    file.parent.rename(tmp_path / "gone")
    restored(there, archived, tmp_path / "again.yaml", monkeypatch)
    written = yaml.safe_load((tmp_path / "again.yaml").read_text())
    assert len({*written["dataset"]["labelled"]}) == 3
    tasks = there.launchpad.fireworks.distinct("spec._tasks.job.function_args")
    paths = [Path(value) for value in tasks if str(value).startswith("/")]
    assert len(paths) == 4
    assert all(path.is_relative_to(there.home.path) for path in paths)
    assert all(path.is_file() for path in paths)


def test_a_folder_of_any_name_is_left_behind(
    workplace: Workplace,
    there: Workplace,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A path that is no UTF-8 stands in no document."""
    folder = file.parent.rename(os.fsdecode(bytes(tmp_path / "mess") + b"\xe9"))
    file = folder / file.name
    content = yaml.safe_load(file.read_text())
    del content["dataset"]["labelled"], content["conductivity_engine"]
    file.write_text(yaml.safe_dump(content))
    settings = load_campaign(file)
    flow = toy_flow(tmp_path / "journal")
    submit(workplace, flow, "toy", settings.settings_hash, settings)
    archived = archive(workplace, "toy", tmp_path / "toy.lps")
    elsewhere = tmp_path / "again.yaml"
    restored(there, archived, elsewhere, monkeypatch)
    again = load_campaign(elsewhere)
    assert again.settings_hash == settings.settings_hash


def test_what_is_gone_is_named(
    workplace: Workplace,
    there: Workplace,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    submitted(workplace, file)
    (file.parent / "a" / "labels.extxyz").write_text("other ones")
    (file.parent / "disordered.cif").unlink()
    (file.parent / "mine.cif").unlink()
    names = {Path(path).name for path in lost_files(workplace, "toy")}
    assert names == {"labels.extxyz", "disordered.cif", "mine.cif"}
    archived = archive(workplace, "toy", tmp_path / "toy.lps")
    said = restored(there, archived, tmp_path / "again.yaml", monkeypatch)
    assert "own_crystals.ordered: the file it was made from is not in" in said
    assert "dataset.labelled: the file of SHA-256" in said
    assert said.count("is not in the archive") == 2
    content = yaml.safe_load((tmp_path / "again.yaml").read_text())
    assert content["dataset"]["labelled"][1] == "again-files/labels.extxyz"
    with pytest.raises(CampaignFileError, match=r"dataset\.labelled"):
        load_campaign(tmp_path / "again.yaml")


def test_an_archive_of_an_older_version_gives_what_it_has(
    workplace: Workplace,
    there: Workplace,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It holds own crystals as cells alone."""
    content = yaml.safe_load(file.read_text())
    content["dataset"].pop("labelled")
    content["own_crystals"].pop("ordered")
    content["crystals"].remove("ordered")
    content.pop("conductivity_engine")
    file.write_text(yaml.safe_dump(content))
    settings = load_campaign(file, fitted=True)
    submit(
        workplace, Flow([number(1, "", "")]), "toy", settings.settings_hash, settings
    )
    workplace.launchpad.db["campaigns"].update_one({}, {"$unset": {"given": 1}})
    archived = archive(workplace, "toy", tmp_path / "toy.lps")
    said = restored(there, archived, tmp_path / "again.yaml", monkeypatch)
    assert "not in the archive" not in said
    again = load_campaign(tmp_path / "again.yaml", fitted=True)
    assert again.settings_hash == settings.settings_hash


@pytest.mark.parametrize(
    "given",
    [
        {"files": {"/x": "../up"}, "own_crystals": {}},
        {"files": {"/x": 1}, "own_crystals": {}},
        {"files": {}, "own_crystals": {"mine": "a word"}},
        {"files": []},
        [],
    ],
)
def test_what_names_no_files_is_refused(
    workplace: Workplace, there: Workplace, tmp_path: Path, given: object
) -> None:
    submit(workplace, Flow([number(1, "", "")]), "toy", "hash")
    archived = archive(workplace, "toy", tmp_path / "toy.lps")
    record = {**workplace.launchpad.db["campaigns"].find_one({})}
    record["given"] = json.dumps(given)
    with pytest.raises(DamagedArchiveError, match="what no campaign has"):
        restore(there, changed(archived, lambda *_: None, record=record))
