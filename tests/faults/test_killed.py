"""Killed workers and servers: the campaign completes, nothing twice, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import require_mongod
from tests.faults.scenarios import (
    Outcome,
    freeze_server,
    kill_run,
    kill_stock,
    lose_server,
    many_workers,
)

STAGES = ("first", "many", "end")


@pytest.fixture(autouse=True)
def _mongod() -> None:
    require_mongod()


def check(outcome: Outcome, rerun: int) -> None:
    assert outcome.complete, outcome
    assert outcome.lost == 0, outcome
    assert outcome.duplicated == 0, outcome
    assert outcome.rerun <= rerun, outcome


def test_killed_run(tmp_path: Path) -> None:
    check(kill_run(tmp_path, "many"), rerun=1)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_run_in_every_stage(tmp_path: Path, stage: str, workers: int) -> None:
    check(kill_run(tmp_path, stage, workers), rerun=workers)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_killed_stock_worker(tmp_path: Path, stage: str) -> None:
    check(kill_stock(tmp_path, stage), rerun=1)


@pytest.mark.slow
@pytest.mark.parametrize("stock", [True, False])
@pytest.mark.parametrize("crash", [True, False])
def test_server_away(tmp_path: Path, crash: bool, stock: bool) -> None:
    away_s = 2 if crash else 20
    check(lose_server(tmp_path, away_s, crash=crash, stock=stock), rerun=2)


@pytest.mark.slow
@pytest.mark.parametrize("stock", [True, False])
def test_server_frozen(tmp_path: Path, stock: bool) -> None:
    check(freeze_server(tmp_path, 60, stock=stock), rerun=2)


@pytest.mark.slow
@pytest.mark.parametrize("stock", [True, False])
def test_four_workers(tmp_path: Path, stock: bool) -> None:
    check(many_workers(tmp_path, 4, stock=stock), rerun=0)
