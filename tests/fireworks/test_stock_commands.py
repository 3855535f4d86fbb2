"""Stock rlaunch and lpad on a campaign that was submitted by us."""

from __future__ import annotations

from pathlib import Path

from lps_flows.runner import PrivateMongod, Workplace, run, submit
from tests.stock import lpad, rlaunch, stock
from tests.toy_jobs import runs, toy_flow


def test_two_stock_workers_run_nothing_twice(
    workplace: Workplace, mongod: PrivateMongod, tmp_path: Path
) -> None:
    variables = stock(workplace, mongod)
    journal = tmp_path / "journal"
    flow = toy_flow(journal, n=12, seconds=0.1)
    submit(workplace, flow, "toy", "hash")
    workers = [rlaunch(tmp_path / name, variables) for name in ("one", "two")]
    said = [worker.communicate(timeout=300)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert set(runs(journal).values()) == {1}
    assert len(runs(journal)) == 12 + 5
    assert workplace.job_store.get_output(flow.output.uuid) == 3 + sum(range(12))
    pids = {line.split()[1] for line in journal.read_text().splitlines()}
    assert len(pids) == 2
    # ours and theirs leave the same documents
    stock_documents = len(list(workplace.job_store.query()))
    run(workplace, toy_flow(journal, n=12), "toy-2", "hash")
    assert len(list(workplace.job_store.query())) == 2 * stock_documents


def test_lpad_finds_by_stage(workplace: Workplace, mongod: PrivateMongod) -> None:
    variables = stock(workplace, mongod)
    submit(workplace, toy_flow("/dev/null"), "toy", "hash")
    query = '{"spec.stage": "first", "spec.campaign": "toy"}'
    assert lpad(variables, "get_fws", "-q", query, "-d", "count").split()[-1] == "2"
