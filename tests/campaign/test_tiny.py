"""A whole campaign, small: every stage real, resumed after kills, shared by workers.

The fast test runs it once; the slow ones kill it at three stages, move it to another
server by an archive, share it between stock workers, and compare the documents with
those of an undisturbed run.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lps_flows.builders import KEYS
from lps_flows.runner import (
    Home,
    PrivateMongod,
    Workplace,
    environment,
    open_workplace,
    progress,
    run,
    submit,
)
from lps_flows.settings import CampaignSettings, load_campaign
from tests.conftest import require_mongod
from tests.stock import rlaunch

TINY = Path(__file__).with_name("tiny.yaml")
STAGES = {
    "crystals",
    "dataset",
    "training",
    "active learning",
    "sampling",
    "melt-quench",
    "selection",
    "conductivity",
    "elasticity",
    "build",
}


@pytest.fixture(scope="module")
def settings() -> CampaignSettings:
    return load_campaign(TINY)


def documents(place: Workplace) -> Counter[str]:
    """Count what a campaign leaves behind, by class of job output and collection."""
    outputs = place.job_store.docs_store.query(
        {"output.@class": {"$exists": True}}, properties=["output.@class"]
    )
    found = Counter(f"job {entry['output']['@class']}" for entry in outputs)
    for name in KEYS:
        found[name] = place.result_store(name).count()
    return found


def completed_twice(place: Workplace) -> list[int]:
    """Ids of fireworks that ran again although they had been completed."""
    launches = place.require_launchpad().launches.aggregate(
        [
            {"$match": {"state": "COMPLETED"}},
            {"$group": {"_id": "$fw_id", "n": {"$sum": 1}}},
            {"$match": {"n": {"$gt": 1}}},
        ]
    )
    return [entry["_id"] for entry in launches]


def test_a_whole_campaign_runs_and_a_second_run_does_nothing(
    workplace: Workplace, settings: CampaignSettings
) -> None:
    result = run(workplace, settings.flow, settings.name, settings.settings_hash)
    assert result.complete, result.failures
    assert {stage.stage for stage in result.progress.stages} == STAGES
    found = documents(workplace)
    n_compositions = len(settings.compositions())
    assert found["job SamplingDocument"] == n_compositions
    assert found["job TransportDocument"] == 2
    rounds = settings.active_learning.rounds
    assert found["job PotentialDocument"] == 1 + rounds
    for name in ("structures", "phase_diagrams", "motifs", "rdfs", "fingerprints"):
        assert found[name] > 0, name
    for name in ("clusters", "candidates", "transport"):
        assert found[name] > 0, name
    assert found["job MeltQuenchDocument"] == n_compositions
    # one crystal, and the lowest structure of every composition
    assert found["job EOSDocument"] == found["elasticity"] == 1 + n_compositions
    tensors = found["job TensorDocument"], found["elastic_tensors"]
    assert tensors == (1 + n_compositions,) * 2
    store = workplace.result_store("structures")
    # Energies of the potential are guides, not results: they stay with the GA runs.
    assert store.distinct("method") == ["chgnet-0.4.2"]
    assert {"crystal", "rattled", "md", "ga", "melt-quench"} <= set(
        store.distinct("provenance.source")
    )
    glasses = list(store.query({"provenance.source": "melt-quench"}))
    assert {glass["formula_pretty"] for glass in glasses} == {
        plan.formula for plan in settings.compositions()
    }
    places = workplace.result_store("phase_diagram_entries")
    for glass in glasses:
        place = places.query_one({"structure_id": glass["structure_id"]})
        assert place["glass"]
        assert place["energy_above_hull"] is not None
    again = run(workplace, settings.flow, settings.name, settings.settings_hash)
    assert again.complete
    assert not again.submission.new
    assert documents(workplace) == found


@pytest.fixture
def own_home(tmp_path: Path) -> Iterator[Home]:
    """A home with a server of its own, as a user has it."""
    require_mongod()
    home = Home(tmp_path / "home")
    yield home
    with open_workplace(home) as place:
        assert place.server is not None
        place.server.stop()
    shutil.rmtree(home.path, ignore_errors=True)


def _command_line(home: Home, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "from lps_flows.cli import app; app()", *arguments],
        env={**os.environ, "LPS_FLOWS_HOME": str(home.path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _killed_at(
    home: Home, place: Workplace, settings: CampaignSettings, stage: str
) -> None:
    """Run the campaign until a job of `stage` is seen running, and kill it."""
    process = _command_line(home, "run", str(TINY))
    until = time.monotonic() + 600
    while time.monotonic() < until and process.poll() is None:
        found = progress(place.require_launchpad(), settings.name).stages
        if any(entry.stage == stage and entry.running for entry in found):
            break
        time.sleep(0.05)
    assert process.poll() is None, f"it ended before {stage} was seen running"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
def test_killed_at_three_stages_it_ends_as_if_undisturbed(
    own_home: Home, workplace: Workplace, settings: CampaignSettings
) -> None:
    undisturbed = run(workplace, settings.flow, settings.name, settings.settings_hash)
    assert undisturbed.complete
    expected = documents(workplace)
    with open_workplace(own_home) as place:
        launchpad = place.require_launchpad()
        for stage in ("crystals", "sampling", "conductivity"):
            _killed_at(own_home, place, settings, stage)
        assert _command_line(own_home, "run", str(TINY)).wait(timeout=900) == 0
        assert progress(launchpad, settings.name).complete
        assert completed_twice(place) == []
        assert documents(place) == expected


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Home]:
    """A second home: another folder, another server, another port."""
    home = Home(tmp_path / "new" / "home")
    yield home
    PrivateMongod(home.path).stop()


@pytest.mark.slow
def test_killed_archived_and_restored_elsewhere_it_ends_as_if_undisturbed(
    own_home: Home,
    new_home: Home,
    workplace: Workplace,
    settings: CampaignSettings,
    tmp_path: Path,
) -> None:
    assert run(workplace, settings.flow, settings.name, settings.settings_hash).complete
    expected = documents(workplace)
    file, campaign_file = tmp_path / "tiny.lps", tmp_path / "new" / "mine.yaml"
    with open_workplace(own_home) as place:
        _killed_at(own_home, place, settings, "sampling")
        before = documents(place)
        assert before != expected
        archiving = _command_line(own_home, "archive", settings.name, str(file))
        assert archiving.wait(timeout=300) == 0
        port = place.server.port
    (own_home.path / "launches").rename(tmp_path / "where nobody looks")
    restoring = ["restore", str(file), "--settings", str(campaign_file)]
    assert _command_line(new_home, *restoring).wait(timeout=300) == 0
    with open_workplace(new_home) as place:
        assert place.server.port != port
        assert documents(place) == before
        running = _command_line(new_home, "run", str(campaign_file))
        assert running.wait(timeout=900) == 0
        assert progress(place.require_launchpad(), settings.name).complete
        assert completed_twice(place) == []
        assert documents(place) == expected
        deleting = _command_line(new_home, "delete", settings.name, "--yes")
        assert deleting.wait(timeout=300) == 0
        assert not any(documents(place).values())
        assert not any((new_home.path / "launches").iterdir())


@pytest.mark.slow
def test_two_stock_workers_share_it(
    own_home: Home,
    workplace: Workplace,
    settings: CampaignSettings,
    tmp_path: Path,
) -> None:
    assert run(workplace, settings.flow, settings.name, settings.settings_hash).complete
    with open_workplace(own_home) as place:
        submit(place, settings.flow, settings.name, settings.settings_hash)
        variables = {**environment(own_home), "OMP_NUM_THREADS": "1"}
        launchpad = place.require_launchpad()
        for turn in range(20):
            workers = [
                rlaunch(tmp_path / f"worker-{turn}-{index}", variables)
                for index in range(2)
            ]
            for worker in workers:
                worker.wait(timeout=900)
            if progress(launchpad, settings.name).complete:
                break
        assert progress(launchpad, settings.name).complete
        assert completed_twice(place) == []
        assert documents(place) == documents(workplace)


@pytest.mark.slow
def test_the_command_line_reports_what_the_store_holds(own_home: Home) -> None:
    assert _command_line(own_home, "run", str(TINY)).wait(timeout=900) == 0
    listed = subprocess.run(
        [
            sys.executable,
            "-c",
            "from lps_flows.cli import app; app()",
            "status",
            str(TINY),
            "--json",
        ],
        env={**os.environ, "LPS_FLOWS_HOME": str(own_home.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    state = json.loads(listed.stdout)
    assert {stage["stage"] for stage in state["stages"]} == STAGES
    assert state["failures"] == []
