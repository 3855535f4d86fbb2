"""What becomes of fireworks and launches of an archive, without a server."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bson
import pytest

from lps_flows.runner.archive_content import Content
from lps_flows.runner.archive_parts import HELD_BACK, Move

TASK = "{{jobflow.managers.fireworks.JobFiretask}}"
STATES = {1: "COMPLETED", 2: "RUNNING", 3: "RUNNING", 4: "READY"}
LAUNCHES = {11: (1, "COMPLETED"), 12: (2, "RUNNING"), 13: (3, "COMPLETED")}
"""The worker of the third was killed when its launch was written, and no more."""


def workflow() -> dict[str, Any]:
    return {
        "metadata": {"campaign": "c"},
        "nodes": [1, 2, 3, 4],
        "fw_states": {str(fw): state for fw, state in STATES.items()},
        "links": {"1": [2, 3], "2": [4], "3": [4]},
        "parent_links": {"2": [1], "3": [1], "4": [2, 3]},
        "locked": True,
    }


def firework(fw: int) -> dict[str, Any]:
    job = {"uuid": f"job {fw}"}
    task = {"_fw_name": TASK, "store": None, "job": job}
    return {
        "fw_id": fw,
        "state": STATES[fw],
        "launches": [n for n, (its, _) in LAUNCHES.items() if its == fw],
        "spec": {"campaign": "c", "_tasks": [task], "_queueadapter": {}},
    }


def launch(number: int) -> dict[str, Any]:
    fw, state = LAUNCHES[number]
    return {
        "launch_id": number,
        "fw_id": fw,
        "state": state,
        "host": "there",
        "launch_dir": f"/there/launches/c/launcher_{number}",
        "state_history": [{"state": state}],
    }


@pytest.fixture
def content() -> Content:
    found = Content("c")
    found.add("workflows", workflow())
    for fw in STATES:
        found.add("fireworks", firework(fw))
    for number in LAUNCHES:
        found.add("launches", launch(number))
    found.check_whole()
    return found


@pytest.fixture
def move(content: Content, tmp_path: Path) -> Move:
    """Ids from 101 for fireworks and from 201 for launches are free here."""
    assigner = SimpleNamespace(
        find_one_and_update=lambda *_: {"next_launch_id": 201},
    )
    launchpad = SimpleNamespace(get_new_fw_id=lambda _: 101, fw_id_assigner=assigner)
    workplace: Any = SimpleNamespace(
        require_launchpad=lambda: launchpad,
        home=SimpleNamespace(launches=lambda name: tmp_path / name),
    )
    return Move(workplace, content, ["/there/launches/c"], {})


def moved(move: Move, name: str, document: dict[str, Any]) -> dict[str, Any]:
    return dict(move.document(name, SimpleNamespace(raw=bson.encode(document))))


def test_what_had_ended_is_not_run_again(content: Content) -> None:
    assert content.put_back == {2}


def test_a_workflow_has_the_ids_of_here_and_nobodys_lock(move: Move) -> None:
    found = moved(move, "workflows", workflow())
    assert "locked" not in found
    assert found["nodes"] == [101, 102, 103, 104]
    assert found["links"] == {"101": [102, 103], "102": [104], "103": [104]}
    assert found["parent_links"] == {"102": [101], "103": [101], "104": [102, 103]}
    states = {"101": "COMPLETED", "102": "READY", "103": "RUNNING", "104": "READY"}
    assert found["fw_states"] == states


def test_what_was_running_waits_until_all_is_there(move: Move) -> None:
    found = {fw: moved(move, "fireworks", firework(fw)) for fw in STATES}
    kept = [(f["fw_id"], f["state"], f["launches"]) for f in found.values()]
    assert kept == [
        (101, "COMPLETED", [201]),
        (102, HELD_BACK, []),
        (103, "RUNNING", [203]),
        (104, HELD_BACK, []),
    ]
    assert found[2]["archived_launches"] == [202]
    assert all("_queueadapter" not in f["spec"] for f in found.values())


def test_its_launch_is_said_to_have_failed_and_no_other(
    move: Move, tmp_path: Path
) -> None:
    found = {number: moved(move, "launches", launch(number)) for number in LAUNCHES}
    states = {f["launch_id"]: (f["fw_id"], f["state"]) for f in found.values()}
    assert states == {
        201: (101, "COMPLETED"),
        202: (102, "FIZZLED"),
        203: (103, "COMPLETED"),
    }
    assert [entry["state"] for entry in found[12]["state_history"]] == [
        "RUNNING",
        "FIZZLED",
    ]
    assert found[11]["launch_dir"] == str(tmp_path / "c" / "launcher_11")
