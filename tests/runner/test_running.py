"""Submitting and running campaigns of toy jobs on a real LaunchPad."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from fireworks import FWAction, LaunchPad
from fireworks.core.rocket_launcher import rapidfire
from jobflow import SETTINGS, Flow, OnMissing
from jobflow.managers.fireworks import flow_to_workflow
from pymongo.errors import AutoReconnect

from lps_flows.runner import (
    Progress,
    Workplace,
    failures,
    find_deleted,
    find_submission,
    forget,
    list_campaigns,
    progress,
    recover,
    run,
    run_in_files,
    submission,
    submit,
)
from lps_flows.runner.claims import SubmissionError
from lps_flows.runner.home import CampaignNameError, HomeError
from lps_flows.runner.running import AlreadyRunningError, worker_name
from lps_flows.runner.submission import ChangedCampaignError, OtherVersionError
from lps_flows.runner.worker import CampaignWorker, Stop, work
from lps_flows.runner.workplace import open_workplace
from lps_flows.schemas import SCHEMA_VERSION
from tests.toy_jobs import (
    blob,
    detour,
    number,
    runs,
    talkative,
    total,
    toy_flow,
    weigh,
)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def outputs(workplace: Workplace) -> list[dict]:
    return list(workplace.job_store.query({"output": {"$ne": None}}))


def test_a_campaign_runs_to_its_end(workplace: Workplace, journal: Path) -> None:
    flow = toy_flow(journal)
    seen: list[Progress] = []
    result = run(
        workplace, flow, "toy", "hash", on_progress=seen.append, interval_s=0.05
    )
    assert result.complete
    assert not result.failures
    assert not result.interrupted
    assert [s.stage for s in result.progress.stages] == ["first", "many", "end"]
    assert result.progress.total.completed == 10
    assert seen[-1] == result.progress
    assert len(seen) > 1
    assert workplace.job_store.get_output(flow.output.uuid) == 1 + 2 + 6
    assert set(runs(journal).values()) == {1}
    documents = list(workplace.job_store.query())
    assert {d["metadata"]["campaign"] for d in documents} == {"toy"}
    assert {d["metadata"]["schema_version"] for d in documents} == {SCHEMA_VERSION}


def test_a_second_run_does_nothing(workplace: Workplace, journal: Path) -> None:
    run(workplace, toy_flow(journal), "toy", "hash")
    before = len(list(workplace.job_store.query()))

    def must_not_be_called() -> Flow:
        raise AssertionError

    again = run(workplace, must_not_be_called, "toy", "hash")
    assert again.complete
    assert not again.submission.new
    assert set(runs(journal).values()) == {1}
    assert len(list(workplace.job_store.query())) == before


def test_changed_settings_are_refused(workplace: Workplace, journal: Path) -> None:
    first = submit(workplace, toy_flow(journal), "toy", "one")
    assert first.new
    assert first.n_fireworks == 4
    assert not submit(workplace, toy_flow(journal), "toy", "one").new
    with pytest.raises(ChangedCampaignError, match="another name"):
        submit(workplace, toy_flow(journal), "toy", "two")
    assert submit(workplace, toy_flow(journal), "toy-2", "two").new
    assert list_campaigns(workplace) == ["toy", "toy-2"]


def test_another_layout_is_refused(
    workplace: Workplace, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(workplace, toy_flow(journal), "toy", "hash")
    monkeypatch.setattr("lps_flows.runner.submission.READABLE_VERSIONS", ("2.0",))
    with pytest.raises(OtherVersionError, match=f"schema_version = '{SCHEMA_VERSION}'"):
        run(workplace, toy_flow(journal), "toy", "hash")
    assert runs(journal) == {}


def test_a_killed_submission_is_forgotten(workplace: Workplace, journal: Path) -> None:
    launchpad = workplace.require_launchpad()
    submit(workplace, toy_flow(journal), "toy", "hash")
    # as if it had been killed after the fireworks, before the workflow
    launchpad.workflows.delete_many({})
    unfinished = {"$set": {"state": "submitting"}}
    launchpad.db["campaigns"].update_one({}, unfinished)
    assert find_submission(workplace, "toy") is None
    assert submit(workplace, toy_flow(journal), "toy", "hash").new
    assert launchpad.fireworks.count_documents({}) == 4
    # as if it had been killed after the workflow
    launchpad.db["campaigns"].update_one({}, unfinished)
    assert submit(workplace, toy_flow(journal), "toy", "hash").new
    assert launchpad.fireworks.count_documents({}) == 4
    # while one of another place is respected
    elsewhere = {"$set": {"state": "submitting", "place": "elsewhere"}}
    launchpad.db["campaigns"].update_one({}, elsewhere)
    with pytest.raises(SubmissionError, match="another process"):
        submit(workplace, toy_flow(journal), "toy", "hash")


def test_a_submission_whose_process_is_gone_is_forgotten_at_once(
    workplace: Workplace, journal: Path
) -> None:
    """Whatever home it was made from: its process does not run any more."""
    submit(workplace, toy_flow(journal), "toy", "hash")
    launchpad = workplace.require_launchpad()
    say = "from lps_flows.runner import processes as p; print(p.this_process())"
    ended = subprocess.run(
        [sys.executable, "-c", say], capture_output=True, check=True, text=True
    )
    killed = {"state": "submitting", "place": "elsewhere"}
    killed["process"] = ast.literal_eval(ended.stdout)
    launchpad.db["campaigns"].update_one({}, {"$set": killed})
    # what cannot be seen from here may live
    for unseen in ("boot", "space"):
        other = {**killed["process"], unseen: "another"}
        launchpad.db["campaigns"].update_one({}, {"$set": {"process": other}})
        with pytest.raises(SubmissionError, match="on another machine"):
            submit(workplace, toy_flow(journal), "toy", "hash")
    launchpad.db["campaigns"].update_one({}, {"$set": killed})
    assert submit(workplace, toy_flow(journal), "toy", "hash").new
    assert launchpad.fireworks.count_documents({}) == 4


@pytest.mark.parametrize("how", ["reset", "delete_wf"])
def test_a_deleted_campaign_begins_anew(
    workplace: Workplace, journal: Path, how: str
) -> None:
    """After `lpad reset` or `lpad delete_wflows`: no dead end, and nothing doubled."""
    first = run(workplace, toy_flow(journal), "toy", "hash")
    launchpad = workplace.require_launchpad()
    made = len(list(workplace.job_store.query({"metadata.campaign": "toy"})))
    if how == "reset":
        launchpad.reset("", require_password=False)
    else:
        launchpad.delete_wf(first.submission.workflow_id)
    assert find_submission(workplace, "toy") is None
    assert find_deleted(workplace, "toy")["settings_hash"] == "hash"
    assert list_campaigns(workplace) == []
    assert progress(launchpad, "toy").stages == ()
    # other settings, too, since nothing of the old ones is there
    again = run(workplace, toy_flow(journal), "toy", "another")
    assert again.complete
    assert again.submission.new
    assert again.submission.set_aside == "toy.1"
    assert find_deleted(workplace, "toy") is None
    for name in ("toy", "toy.1"):
        named = {"metadata.campaign": name}
        assert len(list(workplace.job_store.query(named))) == made
    assert run(workplace, toy_flow(journal), "toy", "another").submission.new is False
    assert list_campaigns(workplace) == ["toy"]
    launchpad.delete_wf(again.submission.workflow_id)
    # documents without a record, as of a run in files that was moved, are others'
    docs = workplace.job_store.docs_store
    docs.update({"uuid": "theirs", "metadata": {"campaign": "toy.2"}})
    third = submit(workplace, toy_flow(journal), "toy", "hash")
    assert third.set_aside == "toy.3"


def test_setting_aside_goes_on_after_a_kill(
    workplace: Workplace, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(workplace, toy_flow(journal), "toy", "hash")
    workplace.require_launchpad().delete_wf(first.submission.workflow_id)
    campaigns = workplace.require_launchpad().db["campaigns"]
    monkeypatch.setattr(submission, "_set_aside", interrupt)
    with pytest.raises(KeyboardInterrupt):
        submit(workplace, toy_flow(journal), "toy", "hash")
    monkeypatch.undo()
    assert campaigns.find_one({"campaign": "toy"})["state"] == "submitting"
    assert submit(workplace, toy_flow(journal), "toy", "hash").set_aside == "toy.1"
    assert not list(workplace.job_store.query({"metadata.campaign": "toy"}))


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("stop", "state", "back"),
    [
        ("defuse_wf", "DEFUSED", "reignite_fw"),
        ("pause_wf", "PAUSED", "resume_fw"),
        ("archive_wf", "ARCHIVED", None),
    ],
)
def test_fireworks_taken_out_of_the_queue_are_counted(
    workplace: Workplace, journal: Path, stop: str, state: str, back: str | None
) -> None:
    flow = toy_flow(journal)
    ids = submit(workplace, flow, "toy", "hash")
    launchpad = workplace.require_launchpad()
    getattr(launchpad, stop)(ids.workflow_id)
    result = run(workplace, flow, "toy", "hash")
    assert not result.complete
    assert result.progress.stopped == {state: 4}
    assert result.progress.total.stopped == 4
    assert runs(journal) == {}
    if back is not None:
        for fw_id in launchpad.get_fw_ids({"state": state}):
            getattr(launchpad, back)(fw_id)
        assert run(workplace, flow, "toy", "hash").complete


def test_a_failing_flow_leaves_nothing(workplace: Workplace) -> None:
    def broken() -> Flow:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        submit(workplace, broken, "toy", "hash")
    assert list_campaigns(workplace) == []
    assert workplace.require_launchpad().db["campaigns"].count_documents({}) == 0


@pytest.mark.parametrize("call", ["add_wf", "_upsert_fws"])
def test_an_interrupted_submission_leaves_nothing(
    workplace: Workplace, journal: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Also where the interrupt comes when all was just written."""
    launchpad = workplace.require_launchpad()
    write = getattr(launchpad, call)

    def and_be_interrupted(*args: Any, **options: Any) -> None:
        write(*args, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(launchpad, call, and_be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        submit(workplace, toy_flow(journal), "toy", "hash")
    for collection in ("campaigns", "workflows", "fireworks"):
        assert launchpad.db[collection].count_documents({}) == 0
    monkeypatch.undo()
    assert run(workplace, toy_flow(journal), "toy", "hash").complete


def test_a_failed_submission_deletes_nothing_of_others(
    workplace: Workplace, journal: Path
) -> None:
    """What a script put there under the same name has no record of ours."""
    launchpad = workplace.require_launchpad()
    marks = {"campaign": "toy", "schema_version": SCHEMA_VERSION}
    launchpad.add_wf(flow_to_workflow(toy_flow(journal), metadata=marks))
    before = launchpad.fireworks.count_documents({})

    def broken() -> Flow:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        submit(workplace, broken, "toy", "hash")
    assert launchpad.workflows.count_documents({}) == 1
    assert launchpad.fireworks.count_documents({}) == before > 0


@pytest.mark.parametrize("name", ["../escape", "", "a/b", ".hidden", "x" * 101])
def test_names_cannot_lead_out_of_the_home(workplace: Workplace, name: str) -> None:
    with pytest.raises(CampaignNameError, match="campaign"):
        submit(workplace, number(1, "", ""), name, "hash")


def test_forget_takes_a_campaign_off(workplace: Workplace, journal: Path) -> None:
    run(workplace, toy_flow(journal), "toy", "hash")
    assert forget(workplace, "toy") == 10
    assert list_campaigns(workplace) == []
    assert workplace.require_launchpad().fireworks.count_documents({}) == 0
    assert len(list(workplace.job_store.query())) == 10


def test_failures_name_their_reason(workplace: Workplace, journal: Path) -> None:
    switch = journal.with_name("switch")
    flow = Flow([detour(3, str(journal), fail=1, switch=str(switch))])
    result = run(workplace, flow, "toy", "hash")
    assert not result.complete
    assert result.progress.total.completed == 3  # the siblings went on
    (failure,) = result.failures
    assert failure.reason.startswith("FileNotFoundError: side-1 needs")
    assert failure.reason.endswith("which is not there")
    assert failure.name == "fragile"
    assert Path(failure.folder).is_relative_to(workplace.home.path)
    # a plain second run leaves it alone, a retry completes
    assert not run(workplace, flow, "toy", "hash").complete
    assert runs(journal)["side-1"] == 1
    switch.touch()
    assert run(workplace, flow, "toy", "hash", retry_failed=True).complete
    assert runs(journal) == {"detour": 1, "side-0": 1, "side-1": 2, "side-2": 1}


def test_only_its_own_campaign_is_run(workplace: Workplace, journal: Path) -> None:
    submit(workplace, toy_flow(journal), "other", "hash")
    run(workplace, Flow([number(1, str(journal), "mine")]), "toy", "hash")
    assert runs(journal) == {"mine": 1}
    launchpad = workplace.require_launchpad()
    assert progress(launchpad, "other").total.ready == 3
    assert failures(launchpad, "other") == []


def test_it_runs_jobs_meant_for_any_worker(workplace: Workplace, journal: Path) -> None:
    job = number(1, str(journal), "vasp job")
    job.update_config({"manager_config": {"_fworker": "vasp", "_priority": 5}})
    assert run(workplace, Flow([job]), "toy", "hash").complete


def between_a_job_and_those_it_adds(workplace: Workplace, journal: Path) -> Any:
    """Return a LaunchPad as another worker's bookkeeping leaves it for a moment."""
    submit(workplace, Flow([number(1, str(journal), "added")]), "toy", "hash")
    launchpad = workplace.require_launchpad()
    launchpad.fireworks.update_many({}, {"$set": {"state": "COMPLETED"}})
    launchpad.workflows.update_many({}, {"$set": {"locked": True}})
    return launchpad


def test_a_worker_waits_for_what_another_is_about_to_add(
    workplace: Workplace, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launchpad = between_a_job_and_those_it_adds(workplace, journal)
    monkeypatch.setattr(SETTINGS, "JOB_STORE", workplace.job_store)
    waits = threading.Event()

    class Watched(Stop):
        def wait(self, seconds: float) -> None:
            waits.set()
            super().wait(seconds)

    def add() -> None:
        assert waits.wait(20)
        launchpad.fireworks.update_many({}, {"$set": {"state": "READY"}})
        launchpad.workflows.update_many({}, {"$unset": {"locked": True}})

    other = threading.Thread(target=add)
    other.start()
    late = CampaignWorker("late", "toy")
    assert work(launchpad, late, workplace.home.launches("toy"), Watched()) == 1
    other.join()
    assert runs(journal) == {"added": 1}


def test_a_lock_that_never_opens_does_not_hold_a_worker(
    workplace: Workplace, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launchpad = between_a_job_and_those_it_adds(workplace, journal)
    monkeypatch.setattr("lps_flows.runner.worker.LOCK_S", 0.6)
    late = CampaignWorker("late", "toy")
    assert work(launchpad, late, workplace.home.launches("toy"), Stop()) == 0
    assert runs(journal) == {}


def test_two_runs_exclude_each_other(workplace: Workplace, journal: Path) -> None:
    with (
        FileLock(workplace.home.lock("run-toy")),
        pytest.raises(AlreadyRunningError, match="another process"),
    ):
        run(workplace, toy_flow(journal), "toy", "hash")
    assert run(workplace, toy_flow(journal), "toy", "hash").complete


def test_lost_runs_are_rerun_at_once(workplace: Workplace, journal: Path) -> None:
    submit(workplace, toy_flow(journal), "toy", "hash")
    launchpad = workplace.require_launchpad()
    # a run that was killed while two of its workers computed …
    for index in (0, 1):
        name = worker_name(workplace, "toy", index)
        launchpad.checkout_fw(CampaignWorker(name, "toy"), str(journal.parent))
    # … and a stock worker that is alive
    launchpad.checkout_fw(CampaignWorker("stock", "toy"), str(journal.parent))
    assert progress(launchpad, "toy").total.running == 3
    thread = threading.Timer(3, lambda: _finish(workplace, "stock"))
    thread.start()
    result = run(workplace, toy_flow(journal), "toy", "hash")
    thread.join()
    assert len(result.recovered.rerun) == 2
    assert result.progress.total.failed == 1  # the stock worker's, by _finish
    assert max(runs(journal).values()) == 1


def _finish(workplace: Workplace, name: str) -> None:
    launchpad = workplace.require_launchpad()
    launch = launchpad.launches.find_one({"fworker.name": name})
    launchpad.mark_fizzled(launch["launch_id"])


@pytest.mark.parametrize(
    "then", ["write", "refresh"], ids=["left reserved", "left fizzled"]
)
def test_an_unanswered_read_after_a_reservation(
    workplace: Workplace,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    then: str,
) -> None:
    """FireWorks takes it for a damaged firework, fails it if it can, and goes on."""
    launchpad = workplace.require_launchpad()
    away = ["read", then]

    def unless_away(call: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def method(*args: Any, **options: Any) -> Any:
            if away[:1] == [call]:
                away.pop(0)
                raise AutoReconnect("connection closed")
            return original(*args, **options)

        return method

    for owner, name, call in (
        (launchpad, "get_fw_by_id", "read"),
        (launchpad.fireworks, "find_one_and_update", "write"),
        (launchpad, "_refresh_wf", "refresh"),
    ):
        monkeypatch.setattr(owner, name, unless_away(call, getattr(owner, name)))
    assert run(workplace, toy_flow(journal), "toy", "hash").complete
    assert not away
    assert set(runs(journal).values()) == {1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupting_puts_the_job_back(
    workplace: Workplace, journal: Path, number: int
) -> None:
    before = signal.getsignal(number)
    flow = toy_flow(journal, seconds=0.5)
    seen: list[Progress] = []

    def interrupt(state: Progress) -> None:
        if state.total.running and not seen:
            seen.append(state)
            signal.pthread_kill(threading.main_thread().ident, number)

    started = time.monotonic()
    result = run(workplace, flow, "toy", "hash", on_progress=interrupt, interval_s=0.3)
    assert result.interrupted
    assert not result.failures
    assert result.progress.total.running == 0
    assert time.monotonic() - started < 20  # a loaded machine
    assert signal.getsignal(number) is before
    assert run(workplace, flow, "toy", "hash").complete


def heavy_flow(
    journal: Path, switch: Path | str, seconds: float = 0.0, *, with_child: bool = True
) -> Flow:
    """A job whose resolved argument no document of MongoDB can hold, and its child."""
    large = blob(17_000_000)
    heavy = weigh(large.output, str(journal), str(switch), seconds)
    heavy.update_metadata({"stage": "heavy"}, dynamic=True)
    if not with_child:
        return Flow([large, heavy])
    end = total([heavy.output], str(journal))
    end.config.on_missing_references = OnMissing.NONE
    return Flow([large, heavy, end], output=end.output)


def test_a_job_with_large_arguments_fails_for_its_own_reason(
    workplace: Workplace, journal: Path, tmp_path: Path
) -> None:
    switch = tmp_path / "switch"
    flow = heavy_flow(journal, switch)
    result = run(workplace, flow, "toy", "hash")
    assert f"FileNotFoundError: {switch}" in [f.reason for f in result.failures]
    assert not list(workplace.require_launchpad().gridfs_fallback.find())
    switch.touch()
    again = run(workplace, flow, "toy", "hash", retry_failed=True)
    assert again.complete
    assert workplace.job_store.get_output(flow.output.uuid) == 17_000_000


@pytest.mark.parametrize(
    ("with_child", "reason"),
    [(True, "FileNotFoundError: "), (False, "Too large to be told here")],
)
def test_fireworks_own_worker_writes_large_arguments_down(
    workplace: Workplace,
    journal: Path,
    tmp_path: Path,
    with_child: bool,
    reason: str,
) -> None:
    plain = LaunchPad.from_dict(workplace.require_launchpad().to_dict())
    flow = heavy_flow(journal, tmp_path / "switch", with_child=with_child)
    submit(workplace, flow, "toy", "hash")
    rapidfire(plain, m_dir=str(tmp_path), nlaunches=2, strm_lvl="ERROR")
    plain.connection.close()
    assert any(
        failure.reason.startswith(reason)
        for failure in failures(workplace.require_launchpad(), "toy")
    )


def test_interrupting_a_job_with_large_arguments_puts_it_back(
    workplace: Workplace, journal: Path
) -> None:
    flow = heavy_flow(journal, __file__, seconds=4.0)  # a loaded machine
    seen: list[Progress] = []

    def interrupt(state: Progress) -> None:
        if journal.exists() and not seen:
            seen.append(state)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)

    result = run(workplace, flow, "toy", "hash", on_progress=interrupt, interval_s=0.3)
    assert result.interrupted
    assert seen
    assert not result.failures
    assert run(workplace, flow, "toy", "hash").complete
    assert runs(journal) == {"weigh": 2, "total": 1}


def test_under_nohup_a_closed_terminal_is_no_news() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop
    finally:
        signal.signal(signal.SIGHUP, before)


AWAY = "pymongo.errors._OperationCancelled: operation cancelled"


def test_recover_takes_up_what_failed_while_the_server_was_away(
    workplace: Workplace, journal: Path
) -> None:
    """Stock workers fail such jobs; those that failed by themselves stay."""
    launchpad = workplace.require_launchpad()
    submit(workplace, toy_flow(journal), "toy", "hash")
    worker = CampaignWorker("stock", "toy")
    for error in (AWAY, "ValueError: mine"):
        _, launch_id = launchpad.checkout_fw(worker, str(journal.parent))
        trace = f"Traceback ...\n  File x\n{error}\n"
        stored = {"_exception": {"_stacktrace": trace, "_details": None}}
        launchpad.complete_launch(
            launch_id, FWAction(stored_data=stored, exit=True), "FIZZLED"
        )
    assert progress(launchpad, "toy").total.failed == 2
    found = recover(launchpad, "toy")
    assert len(found.unanswered) == 1
    (left,) = failures(launchpad, "toy")
    assert left.reason == "ValueError: mine"


@pytest.mark.parametrize("reason", [AWAY, f"OSError: [Errno 28] {os.strerror(28)}"])
def test_a_launch_that_finds_nothing_gives_nothing_back(
    workplace: Workplace, journal: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """What this worker had given back another finished, and it was run once more."""
    launchpad = workplace.require_launchpad()
    monkeypatch.setattr(SETTINGS, "JOB_STORE", workplace.job_store)
    submit(workplace, Flow([number(1, str(journal), "one")]), "toy", "hash")
    mine, other = (CampaignWorker(name, "toy") for name in ("mine", "other"))
    _, launch_id = launchpad.checkout_fw(mine, str(journal.parent))
    trace = f"Traceback ...\n  File x\n{reason}\n"
    stored = {"_exception": {"_stacktrace": trace, "_details": None}}
    launchpad.complete_launch(
        launch_id, FWAction(stored_data=stored, exit=True), "FIZZLED"
    )
    launchpad.rerun_fw(1)
    folder = workplace.home.launches("toy")
    assert work(launchpad, other, folder, Stop()) == 1
    # another job that seems to be READY, and that the other worker is about to take
    submit(workplace, Flow([number(1, str(journal), "two")]), "late", "hash")
    late = {"spec.campaign": "late"}
    launchpad.fireworks.update_one(late, {"$set": {"spec.campaign": "toy"}})
    checkout = launchpad.checkout_fw

    def too_late(*args: Any, **options: Any) -> Any:
        launchpad.fireworks.update_one({"fw_id": 2}, {"$set": {"state": "PAUSED"}})
        return checkout(*args, **options)

    monkeypatch.setattr(launchpad, "checkout_fw", too_late)
    assert work(launchpad, mine, folder, Stop()) == 0
    assert launchpad.fireworks.find_one({"fw_id": 1})["state"] == "COMPLETED"
    assert runs(journal) == {"one": 1}


def test_what_jobs_print_goes_to_their_folder(
    workplace: Workplace, capsys: pytest.CaptureFixture[str]
) -> None:
    run(workplace, Flow([talkative("hello there")]), "toy", "hash")
    assert "hello there" not in capsys.readouterr().out
    (file,) = workplace.home.launches("toy").glob("*/FW_job.out")
    assert "hello there" in file.read_text()


def test_an_unwritable_run_folder_is_a_typed_error(
    workplace: Workplace, journal: Path
) -> None:
    workplace.home.folder("launches").joinpath("toy").write_text("in the way")
    with pytest.raises(HomeError, match="LPS_FLOWS_HOME"):
        run(workplace, toy_flow(journal), "toy", "hash")


def test_files_are_the_fallback(tmp_path: Path, journal: Path) -> None:
    from lps_flows.runner import Home

    with open_workplace(Home(tmp_path), files=True) as workplace:
        assert "JSON files" in (workplace.notice or "")
        flow = toy_flow(journal)
        run_in_files(workplace, flow, "toy")
        assert workplace.job_store.get_output(flow.output.uuid) == 9
    assert set(runs(journal).values()) == {1}
    with open_workplace(Home(tmp_path), files=True) as workplace:
        assert workplace.job_store.get_output(flow.output.uuid) == 9
