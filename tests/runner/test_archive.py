"""Campaigns kept in a file, moved, listed and deleted; nothing from outside is trusted.

The toy campaign is stopped in the middle: some jobs are done (with arrays, a fan-out,
results of builders, files in run directories), one was being run by a worker that dies.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import gethostname
from typing import Any
from uuid import uuid4

import bson
import pytest
from fireworks import LaunchPad
from fireworks.core.rocket_launcher import launch_rocket
from jobflow import SETTINGS, Flow
from typer.testing import CliRunner

from lps_flows.cli import app
from lps_flows.foundation import LpsFlowsError
from lps_flows.runner import (
    Home,
    PrivateMongod,
    Workplace,
    archive,
    campaigns,
    delete,
    inventory,
    progress,
    restore,
    run,
    submit,
)
from lps_flows.runner.archive_content import UnsoundCampaignError
from lps_flows.runner.archive_file import (
    PIECE,
    DamagedArchiveError,
    OtherCampaignError,
    read_archive,
    write_archive,
)
from lps_flows.runner.belongings import NoCampaignError, collections
from lps_flows.runner.configuration import launchpad_settings
from lps_flows.runner.deletion import CampaignRunsError
from lps_flows.runner.quiet import quieten
from lps_flows.runner.restoring import CampaignThereError, NoRoomError
from lps_flows.runner.worker import CampaignWorker
from lps_flows.runner.workplace import prepare
from tests.conftest import make_job_store
from tests.toy_jobs import blob, runs, toy_flow

LEAVES = 3
JOBS = LEAVES + 8
TEXT = "kept in pieces" * 1000


class Toy:
    """A toy campaign and what it takes to go on with it anywhere."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "journal"

    def flow(self) -> Flow:
        large = [blob(300_000), blob(10)]
        for job in large:
            job.update_config({"manager_config": {"_priority": 9}})  # first
        return Flow([*large, toy_flow(self.journal, LEAVES)], name="toy")

    def run(self, place: Workplace, campaign: str = "toy") -> None:
        assert run(place, self.flow, campaign, "hash").complete

    def launch(self, place: Workplace, times: int, worker: str = "stock") -> None:
        """Run a few fireworks, each in a directory below the home, as workers do."""
        for number in range(times):
            folder = place.home.launches("toy") / f"launcher_{worker}-{number}"
            folder.mkdir()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(SETTINGS, "JOB_STORE", place.job_store)
                patch.chdir(folder)
                folder.joinpath("result").write_text(TEXT)
                assert launch_rocket(
                    place.launchpad, CampaignWorker(worker, "toy"), strm_lvl="ERROR"
                )

    def stop_in_the_middle(self, place: Workplace) -> None:
        submit(place, self.flow, "toy", "hash")
        self.launch(place, 6)
        running = str(place.home.launches("toy") / "launcher_dead")
        worker = CampaignWorker("dead", "toy")
        assert place.launchpad.checkout_fw(worker, running)[0]
        results = place.result_store("transport")
        results._collection.insert_one({"campaign": "toy", "label": running})


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def make_workplace(mongod: PrivateMongod, home: Home) -> Workplace:
    name = f"test_{uuid4().hex}"
    launchpad = LaunchPad.from_dict({**launchpad_settings(mongod), "name": name})
    store = make_job_store(mongod, f"{name}_docs")
    place = Workplace(home, "private", store, launchpad)
    prepare(place)
    quieten()
    return place


def drop(place: Workplace) -> None:
    for database in (place.launchpad.name, f"{place.launchpad.name}_docs"):
        place.launchpad.connection.drop_database(database)
    place.close()


@pytest.fixture
def another(mongod: PrivateMongod, tmp_path: Path) -> Iterator[Callable[[], Workplace]]:
    """Makes workplaces in other folders, on other databases."""
    made: list[Workplace] = []

    def make() -> Workplace:
        home = Home(tmp_path / f"elsewhere-{len(made)}")
        made.append(make_workplace(mongod, home))
        return made[-1]

    yield make
    for place in made:
        drop(place)


@pytest.fixture(scope="module")
def kept(
    mongod: PrivateMongod, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """An archive of the toy campaign, stopped in the middle."""
    folder = tmp_path_factory.mktemp("kept")
    place = make_workplace(mongod, Home(folder / "home"))
    Toy(folder).stop_in_the_middle(place)
    yield archive(place, "toy", folder / "toy.lps")
    drop(place)


def everything(place: Workplace) -> dict[str, int]:
    """Number of documents in every collection, of all campaigns."""
    counts = {n: c.count_documents({}) for n, c in collections(place).items()}
    counts["campaigns"] = place.launchpad.db["campaigns"].count_documents({})
    return counts


def files_of(home: Home) -> set[str]:
    found = (home.path / "launches").rglob("*")
    return {str(f.relative_to(home.path)) for f in found if f.is_file()}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def changed(
    file: Path, change: Callable[[str, dict[str, Any]], None], **head: Any
) -> Path:
    """Write the archive anew, sealed as it must be, with other content."""
    known, entries = read_archive(file)
    documents = []
    for name, raw in entries:
        document = bson.decode(raw.raw)
        change(name, document)
        documents.append((name, document))
    target = file.with_name(f"{uuid4().hex}.lps")
    write_archive(target, {**known, **head}, documents)
    return target


def test_a_campaign_goes_on_elsewhere(
    workplace: Workplace, toy: Toy, another: Callable[[], Workplace], tmp_path: Path
) -> None:
    undisturbed = another()
    other = Toy(tmp_path / "undisturbed")
    other.journal.parent.mkdir()
    other.run(undisturbed)
    toy.stop_in_the_middle(workplace)
    before = everything(workplace)
    file = archive(workplace, "toy", tmp_path / "toy.lps")
    assert everything(workplace) == before
    assert file.stat().st_mode & 0o777 == 0o600
    place = another()
    submit(place, Toy(tmp_path).flow, "other", "hash")  # ids are taken there
    found = restore(place, file)
    assert found.campaign == "toy"
    assert len(found.put_back) == 1
    assert files_of(place.home) == files_of(workplace.home) != set()
    for name in files_of(place.home):
        content = (place.home.path / name).read_bytes()
        assert content == (workplace.home.path / name).read_bytes()
    done = runs(toy.journal)
    toy.run(place)
    assert {name for name, times in runs(toy.journal).items() if times > 1} == set()
    assert set(done) < set(runs(toy.journal))
    counts, expected = everything(place), everything(undisturbed)
    for name in ("docs", "data.files", "data.chunks"):
        assert counts[name] == expected[name], name
    assert inventory(place, "toy").n_documents == JOBS
    (label,) = place.result_store("transport").distinct("label")
    assert label == str(place.home.path / "launches" / "toy" / "launcher_dead")
    # both are whole, and neither knows of the other
    assert progress(place.launchpad, "other").total.ready > 0
    for name, collection in collections(place).items():
        if name.endswith(".chunks"):
            continue
        for document in collection.find():
            assert not [s for s in strings(document) if str(workplace.home.path) in s]


def test_paths_in_documents_follow_with_the_machine(
    workplace: Workplace, toy: Toy, another: Callable[[], Workplace], tmp_path: Path
) -> None:
    toy.stop_in_the_middle(workplace)
    old = workplace.home.launches("toy")
    docs = collections(workplace)["docs"]
    first = docs.find_one()
    said = {
        "dir_name": f"{gethostname()}:{old}/launcher_1",
        "other": f"{old}x/launcher_1",
        "inside": [f"see {old}."],
    }
    docs.update_one({"_id": first["_id"]}, {"$set": {"output": said}})
    place = another()
    restore(place, archive(workplace, "toy", tmp_path / "toy.lps"))
    new = place.home.launches("toy")
    (found,) = place.job_store.query({"uuid": first["uuid"]})
    assert found["output"] == {
        "dir_name": f"{gethostname()}:{new}/launcher_1",
        "other": f"{old}x/launcher_1",
        "inside": [f"see {new}."],
    }


def moved_to(place: Workplace, folder: Path, number: int) -> str:
    """Let a launch have run in a folder, as a stock worker's; return its job's uuid."""
    launches, fireworks = place.launchpad.launches, place.launchpad.fireworks
    launch = launches.find({"state": "COMPLETED"}).sort("launch_id", 1)[number]
    Path(launch["launch_dir"]).rename(folder)
    said = {"$set": {"launch_dir": str(folder)}}
    launches.update_one({"_id": launch["_id"]}, said)
    firework = fireworks.find_one({"fw_id": launch["fw_id"]})
    return str(firework["spec"]["_tasks"][0]["job"]["uuid"])


def test_what_lies_beside_the_directories_of_stock_workers_stays_there(
    workplace: Workplace, toy: Toy, another: Callable[[], Workplace], tmp_path: Path
) -> None:
    """`rlaunch` was started in the folder that holds a potential, say."""
    toy.stop_in_the_middle(workplace)
    work = tmp_path / "work"
    work.mkdir()
    job = moved_to(workplace, work / "launcher_mine", 0)
    docs = collections(workplace)["docs"]
    first = docs.find_one()
    said = ["mine.extxyz", "launcher_mine/OUTCAR", f"training-{job}.record", "", "-2/x"]
    paths = {"output": [f"{work}/{name}" if name else str(work) for name in said]}
    docs.update_one({"_id": first["_id"]}, {"$set": paths})
    place = another()
    restore(place, archive(workplace, "toy", tmp_path / "toy.lps"))
    new = place.home.launches("toy")
    (found,) = place.job_store.query({"uuid": first["uuid"]})
    folders = [work, new, new, work, work]
    assert found["output"] == [
        f"{folder}/{name}" if name else str(folder)
        for folder, name in zip(folders, said, strict=True)
    ]
    assert (new / "launcher_mine" / "result").read_text() == TEXT


@pytest.mark.parametrize("first", ["home", "elsewhere"])
def test_a_training_that_went_on_elsewhere_comes_back(
    workplace: Workplace,
    toy: Toy,
    another: Callable[[], Workplace],
    tmp_path: Path,
    first: str,
) -> None:
    """Its record lies in two places; one path stood twice, and nothing was restored."""
    toy.stop_in_the_middle(workplace)
    job, places = "", [tmp_path / "node-1", tmp_path / "node-2"]
    for number, folder in enumerate(places):
        folder.mkdir()
        job = job or moved_to(workplace, folder / f"launcher_{number}", number)
        moved_to(workplace, folder / f"launcher_{number}{number}", number + 2)
    if first == "home":
        places[0] = workplace.home.launches("toy")
    record = f"training-{job}.record"
    for age, folder in ((100, places[0]), (50, places[1])):
        (folder / record).write_text(f"{age} s old")
        then = time.time() - age
        os.utime(folder / record, (then, then))
    place = another()
    restore(place, archive(workplace, "toy", tmp_path / "toy.lps"))
    assert (place.home.launches("toy") / record).read_text() == "50 s old"
    toy.run(place)


@pytest.mark.parametrize("apart", [True, False])
def test_an_archive_in_which_a_path_stands_twice_comes_back(
    kept: Path, another: Callable[[], Workplace], apart: bool
) -> None:
    """Older versions wrote such ones."""
    head, entries = read_archive(kept)
    runs = [{"path": "training-1.record", "content": text} for text in (b"1", b"2")]
    runs.insert(1 if apart else 2, {"path": "launcher_x/result", "content": b"3"})
    file = kept.with_name(f"twice-{apart}.lps")
    write_archive(file, head, [*entries, *(("runs", each) for each in runs)])
    place = another()
    restore(place, file)
    folder = place.home.launches("toy")
    assert (folder / "training-1.record").read_text() == "1"
    assert (folder / "launcher_x" / "result").read_text() == "3"


def test_large_files_are_kept_in_pieces(
    workplace: Workplace, toy: Toy, another: Callable[[], Workplace], tmp_path: Path
) -> None:
    toy.stop_in_the_middle(workplace)
    content = os.urandom(PIECE) + b"more" * PIECE
    (workplace.home.launches("toy") / "large").write_bytes(content)
    place = another()
    restore(place, archive(workplace, "toy", tmp_path / "toy.lps"))
    assert (place.home.launches("toy") / "large").read_bytes() == content


def test_what_could_not_come_back_is_not_archived(
    workplace: Workplace, toy: Toy, tmp_path: Path
) -> None:
    """An archive is what a campaign is deleted for."""
    toy.stop_in_the_middle(workplace)
    workplace.launchpad.fireworks.delete_one({"state": "WAITING"})
    with pytest.raises(UnsoundCampaignError, match="nothing should be deleted"):
        archive(workplace, "toy", tmp_path / "toy.lps")
    assert not (tmp_path / "toy.lps").exists()


def test_an_archive_of_a_complete_campaign_restores_whole(
    workplace: Workplace, toy: Toy, another: Callable[[], Workplace], tmp_path: Path
) -> None:
    toy.run(workplace)
    folder = next(workplace.home.launches("toy").iterdir())
    folder.joinpath("large").write_bytes(b"x" * (2**20 + 1))  # of a code, say
    place = another()
    restore(place, archive(workplace, "toy", tmp_path / "toy.lps"))
    assert progress(place.launchpad, "toy").complete
    assert files_of(workplace.home) - files_of(place.home) == {
        str((folder / "large").relative_to(workplace.home.path))
    }
    again = run(place, toy.flow, "toy", "hash")
    assert again.complete
    assert not again.submission.new
    assert max(runs(toy.journal).values()) == 1


def test_an_existing_campaign_is_not_touched(
    workplace: Workplace, toy: Toy, another: Callable[[], Workplace], tmp_path: Path
) -> None:
    toy.stop_in_the_middle(workplace)
    file = archive(workplace, "toy", tmp_path / "toy.lps")
    before = everything(workplace)
    with pytest.raises(CampaignThereError, match="lps-flows delete toy"):
        restore(workplace, file)
    assert everything(workplace) == before
    # under another name the documents of its jobs would stand twice
    renamed = {"campaign": "renamed"}

    def rename(name: str, document: dict[str, Any]) -> None:
        if name == "fireworks":
            document["spec"] |= renamed
        elif name in ("docs", "workflows"):
            document["metadata"] |= renamed
        elif name == "transport":
            document |= renamed

    record = {**read_archive(file)[0]["record"], **renamed}
    twin = changed(file, rename, record=record, **renamed)
    with pytest.raises(CampaignThereError):
        restore(workplace, twin)
    assert everything(workplace) == before
    assert restore(another(), twin).campaign == "renamed"


@pytest.mark.parametrize("place_of_damage", [0.0, 0.3, 0.7, 0.9999])
def test_a_damaged_archive_is_refused_before_anything_is_written(
    kept: Path,
    another: Callable[[], Workplace],
    tmp_path: Path,
    place_of_damage: float,
) -> None:
    whole = kept.read_bytes()
    at = int(place_of_damage * len(whole))
    flipped = bytes([whole[at] ^ 1])
    place = another()
    before = everything(place)
    for content in (
        whole[:at] + flipped + whole[at + 1 :],
        whole[: max(at, 1)],
        whole[at:] if at else whole + b"x",
        b"",
    ):
        bad = tmp_path / "bad.lps"
        bad.write_bytes(content)
        with pytest.raises(DamagedArchiveError, match="Nothing was written"):
            restore(place, bad)
        assert everything(place) == before
        assert files_of(place.home) == set()


def leads_out(name: str, document: dict[str, Any]) -> None:
    if name == "runs":
        document["path"] = "../../../escaped"


def absolute(name: str, document: dict[str, Any]) -> None:
    if name == "runs":
        document["path"] = "/tmp/escaped"


def foreign_task(name: str, document: dict[str, Any]) -> None:
    if name == "fireworks":
        script = {"_fw_name": "ScriptTask", "script": "touch /tmp/ran", "store": None}
        document["spec"]["_tasks"] = [script]


def another_campaign(name: str, document: dict[str, Any]) -> None:
    if name == "docs":
        document["metadata"]["campaign"] = "of someone else"


def stray_chunks(name: str, document: dict[str, Any]) -> None:
    if name == "data.chunks":
        document["files_id"] = bson.ObjectId()


def unknown_node(name: str, document: dict[str, Any]) -> None:
    if name == "workflows":
        document["nodes"].append(10**6)


def strange_launches(name: str, document: dict[str, Any]) -> None:
    if name == "fireworks":
        document["archived_launches"] = 7


def folder_that_is_a_file(name: str, document: dict[str, Any]) -> None:
    if name == "runs":
        first = "stock-0/" in document["path"]
        document["path"] = "x" if first else f"x/{document['path']}"


def file_that_is_a_folder(name: str, document: dict[str, Any]) -> None:
    if name == "runs":
        first = "stock-0/" in document["path"]
        document["path"] = "x/y" if first else "x"


def long_name(name: str, document: dict[str, Any]) -> None:
    if name == "runs":
        document["path"] = "é" * 128


@pytest.mark.parametrize(
    "change",
    [
        *(leads_out, absolute, foreign_task, another_campaign, stray_chunks),
        *(unknown_node, strange_launches, folder_that_is_a_file),
        *(file_that_is_a_folder, long_name),
    ],
)
def test_what_no_campaign_holds_is_refused(
    kept: Path,
    another: Callable[[], Workplace],
    change: Callable[[str, dict[str, Any]], None],
) -> None:
    place = another()
    before = everything(place)
    with pytest.raises(DamagedArchiveError, match="what no campaign has"):
        restore(place, changed(kept, change))
    assert everything(place) == before
    assert files_of(place.home) == set()


def test_an_archive_without_ids_of_documents_restores(
    kept: Path, another: Callable[[], Workplace]
) -> None:
    def without(name: str, document: dict[str, Any]) -> None:
        if not name.endswith((".files", ".chunks")):
            document.pop("_id", None)

    record = {**read_archive(kept)[0]["record"]}
    del record["_id"]
    assert restore(another(), changed(kept, without, record=record)).n_documents == 6


def test_a_head_that_is_no_text_is_refused(
    another: Callable[[], Workplace], tmp_path: Path
) -> None:
    file, place = tmp_path / "bad.lps", another()
    packed = bson.encode({"in": "archive", "document": {"format": 1}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bson, "encode", lambda _: packed.replace(b"format", b"form\xfft"))
        write_archive(file, {}, [])
    with pytest.raises(DamagedArchiveError, match="what it is"):
        restore(place, file)


def test_names_of_files_that_are_no_utf_8_are_told_and_kept(
    workplace: Workplace, toy: Toy, another: Callable[[], Workplace], tmp_path: Path
) -> None:
    toy.stop_in_the_middle(workplace)
    strange = os.fsencode(min(workplace.home.launches("toy").glob("launcher_*")))
    Path(os.fsdecode(strange + b"/caf\xe9.txt")).write_text("kept")
    with pytest.warns(UserWarning, match="not in UTF-8"):
        file = archive(workplace, "toy", tmp_path / "toy.lps")
    place = another()
    restore(place, file)
    (there,) = place.home.launches("toy").glob("*/caf*.txt")
    assert there.read_text() == "kept"
    assert there.name == r"caf\udce9.txt"


def test_foreign_collections_names_and_formats_are_refused(
    kept: Path, another: Callable[[], Workplace], tmp_path: Path
) -> None:
    head, entries = read_archive(kept)
    place = another()
    foreign = tmp_path / "foreign.lps"
    write_archive(foreign, head, [*entries, ("system.users", {"user": "me"})])
    with pytest.raises(DamagedArchiveError, match="what no campaign has"):
        restore(place, foreign)
    with pytest.raises(LpsFlowsError, match="cannot be used for a folder"):
        restore(place, changed(kept, lambda *_: None, campaign="../up"))
    with pytest.raises(DamagedArchiveError, match="another format"):
        restore(place, changed(kept, lambda *_: None, format=99))
    assert not any(everything(place).values())


def test_an_archive_that_claims_a_huge_document_is_refused(
    workplace: Workplace, tmp_path: Path
) -> None:
    packed = gzip.compress((2**31 - 1).to_bytes(4, "little") + bytes(1000), mtime=0)
    seal = hashlib.sha256(packed).hexdigest().encode()
    comment = b"sha256 " + seal + b"\0"
    empty = b"\x1f\x8b\x08\x10" + bytes(5) + b"\xff" + comment + b"\x03\0" + bytes(8)
    file = tmp_path / "bomb.lps"
    file.write_bytes(packed + empty)
    with pytest.raises(DamagedArchiveError, match="too large"):
        restore(workplace, file)


def test_what_does_not_fit_is_not_begun(
    kept: Path,
    another: Callable[[], Workplace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = another()

    class Full:
        free = 10_000

    monkeypatch.setattr("lps_flows.runner.restoring.disk_usage", lambda _: Full)
    with pytest.raises(NoRoomError, match="Make room"):
        restore(place, kept)
    assert not any(everything(place).values())


def test_a_file_that_is_no_archive_is_not_replaced(
    workplace: Workplace, toy: Toy, tmp_path: Path
) -> None:
    toy.stop_in_the_middle(workplace)
    file = tmp_path / "thesis.tex"
    file.write_text("years of work")
    with pytest.raises(DamagedArchiveError, match="not replaced"):
        archive(workplace, "toy", file)
    assert file.read_text() == "years of work"
    with pytest.raises(NoCampaignError, match="lps-flows campaigns"):
        archive(workplace, "never there", tmp_path / "none.lps")
    assert not (tmp_path / "none.lps").exists()


def test_the_archive_of_another_campaign_is_not_replaced(
    workplace: Workplace, toy: Toy, tmp_path: Path
) -> None:
    """It may be all that is left of it."""
    toy.stop_in_the_middle(workplace)
    file = archive(workplace, "toy", tmp_path / "kept.lps")
    again = archive(workplace, "toy", file)  # its own is
    before = again.read_bytes()
    submit(workplace, toy_flow(tmp_path / "journal"), "other", "hash")
    with pytest.raises(OtherCampaignError, match="archive of toy"):
        archive(workplace, "other", file)
    assert file.read_bytes() == before


def test_a_restore_that_breaks_off_leaves_nothing(
    kept: Path,
    toy: Toy,
    another: Callable[[], Workplace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = another()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("lps_flows.runner.restoring.RunFiles.write", full)
        with pytest.raises(OSError, match="No space left"):
            restore(place, kept)
    assert not any(everything(place).values())

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lps_flows.runner.restoring.RunFiles.write", killed)
        patch.setattr("lps_flows.runner.restoring.remove", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(place, kept)
    (left,) = campaigns(place)
    assert left.state == "restoring"
    assert left.holds.n_fireworks > 0
    restore(place, kept)
    toy.run(place)


def test_a_link_that_is_there_is_not_followed(
    workplace: Workplace, toy: Toy, another: Callable[[], Workplace], tmp_path: Path
) -> None:
    toy.stop_in_the_middle(workplace)
    file = archive(workplace, "toy", tmp_path / "toy.lps")
    place, outside = another(), tmp_path / "outside"
    outside.mkdir()
    name = Path(min(files_of(workplace.home))).parts[2]
    (place.home.launches("toy") / name).symlink_to(outside)
    restore(place, file)
    assert list(outside.iterdir()) == []


def test_campaigns_lists_what_the_server_holds(workplace: Workplace, toy: Toy) -> None:
    assert campaigns(workplace) == []
    toy.stop_in_the_middle(workplace)
    toy_flow_elsewhere = toy_flow(toy.journal, LEAVES)
    submit(workplace, toy_flow_elsewhere, "another", "hash")
    waiting, running = campaigns(workplace)
    assert (waiting.campaign, waiting.state) == ("another", "unfinished")
    assert (running.campaign, running.state) == ("toy", "running")
    assert running.n_completed == 6
    assert running.holds.n_bytes > 300_000  # the array, wherever it is
    assert running.holds.n_files >= 6
    assert waiting.last_change is not None
    toy.launch(workplace, 1, "late")
    assert campaigns(workplace)[1].last_change > running.last_change


def test_what_others_call_a_campaign_hides_none_of_ours(
    workplace: Workplace, toy: Toy
) -> None:
    toy.stop_in_the_middle(workplace)
    documents = workplace.job_store.docs_store._collection
    for foreign in ("my study", "../up", 7, None, "", {"a": 1}, ["toy", "no name"]):
        documents.insert_one({"uuid": str(foreign), "metadata": {"campaign": foreign}})
    workplace.require_launchpad().db["campaigns"].insert_one({"campaign": "a b"})
    assert [found.campaign for found in campaigns(workplace)] == ["toy"]


def test_delete_removes_one_campaign_whole_and_a_new_run_starts_clean(
    workplace: Workplace, toy: Toy
) -> None:
    toy.run(workplace, "kept")
    kept, kept_files = everything(workplace), files_of(workplace.home)
    toy.run(workplace)
    both = everything(workplace)
    found = delete(workplace, "toy")
    assert found.n_documents == found.n_fireworks == JOBS
    assert everything(workplace) == kept
    assert files_of(workplace.home) == kept_files
    with pytest.raises(NoCampaignError):
        delete(workplace, "toy")
    toy.run(workplace)
    assert everything(workplace) == both
    assert inventory(workplace, "toy").n_documents == JOBS


def test_delete_takes_directories_of_stock_workers_and_none_of_another_home(
    workplace: Workplace, toy: Toy, tmp_path: Path
) -> None:
    """The home was copied, once, and its launches name what it was copied from."""
    toy.run(workplace)
    stock = tmp_path / "scratch" / "launcher_stock"
    copied = tmp_path / "original" / "launches" / "toy" / "launcher_1"
    launches = workplace.launchpad.launches
    for folder, launch in zip((stock, copied), launches.find(), strict=False):
        folder.mkdir(parents=True)
        (folder / "result").write_text(TEXT)
        said = {"$set": {"launch_dir": str(folder)}}
        launches.update_one({"_id": launch["_id"]}, said)
    (tmp_path / "scratch" / "mine").touch()
    delete(workplace, "toy")
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["mine"]
    assert (copied / "result").exists()
    assert files_of(workplace.home) == set()


def test_delete_waits_for_living_workers(workplace: Workplace, toy: Toy) -> None:
    toy.stop_in_the_middle(workplace)  # for FireWorks, its worker may be alive
    before = everything(workplace)
    with pytest.raises(CampaignRunsError, match=f"on {gethostname()}.*recover"):
        delete(workplace, "toy")
    assert everything(workplace) == before


def test_a_killed_deletion_is_seen_and_done_again(
    workplace: Workplace, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.run(workplace)
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("lps_flows.runner.deletion.remove", killed)
        with pytest.raises(KeyboardInterrupt):
            delete(workplace, "toy")
    (left,) = campaigns(workplace)
    assert left.state == "deleting"
    with pytest.raises(LpsFlowsError, match="delete it again"):
        toy.run(workplace)
    delete(workplace, "toy")
    assert campaigns(workplace) == []
    toy.run(workplace)


def test_the_verbs_say_what_they_did_and_ask_before_deleting(
    workplace: Workplace,
    toy: Toy,
    another: Callable[[], Workplace],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy.run(workplace)
    places = {"here": workplace, "there": another()}
    where = "here"

    @contextmanager
    def opened() -> Iterator[Workplace]:
        yield places[where]

    monkeypatch.setattr("lps_flows.cli.keeping.workplace", opened)
    cli, file = CliRunner(), str(tmp_path / "toy.lps")

    def said(*arguments: str, answer: str = "", code: int = 0) -> str:
        result = cli.invoke(app, arguments, input=answer)
        assert result.exit_code == code, result.output
        return result.output

    assert "toy is in" in said("archive", "toy", file)
    where = "there"
    restored = json.loads(said("restore", file, "--json"))
    assert restored["n_documents"] == restored["n_fireworks"] == JOBS
    assert "lps-flows delete toy" in said("restore", file, code=1)
    (listed,) = json.loads(said("campaigns", "--json"))
    assert listed["name"] == "toy"
    assert listed["state"] == "complete"
    assert listed["size"] > 300_000
    assert listed["last_change"].startswith("20")
    assert "toy" in said("campaigns")
    before = everything(places["there"])
    shown = said("delete", "toy", answer="n\n", code=1)
    assert f"{JOBS} fireworks, {JOBS} documents, 2 arrays" in shown
    assert everything(places["there"]) == before
    said("delete", "toy", "--yes")
    assert not any(everything(places["there"]).values())
    assert "lps-flows campaigns" in said("delete", "toy", "--yes", code=1)
    there = tmp_path / "campaign.yaml"
    there.write_text("mine")
    said("restore", file, "--settings", str(there), code=1)
    assert there.read_text() == "mine"
    below = there / "campaign.yaml"  # where a file is no folder can be
    assert "campaign.yaml" in said("restore", file, "--settings", str(below), code=1)
    assert not any(everything(places["there"]).values())
    # a folder that is not there yet is made: nothing is left undone for want of it
    made = tmp_path / "not yet" / "campaign.yaml"
    said("restore", file, "--settings", str(made))
    assert any(everything(places["there"]).values())
