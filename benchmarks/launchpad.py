"""What FireWorks and MongoDB cost for a campaign of 10,000 fireworks.

The calculations are replaced by a job that does nothing, so that what is left is the
overhead: writing the campaign to the LaunchPad, checking fireworks out, storing their
documents, and updating the workflow.

    python benchmarks/launchpad.py submit --sizes 1000 2000 5000 10000
    python benchmarks/launchpad.py throughput --size 10000 --workers 1 2 4 --seconds 60
    python benchmarks/launchpad.py overhead --sizes 100 1000 3000 10000
    python benchmarks/launchpad.py spec

Every measurement has a private server and a home of its own in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bson
import psutil
from jobflow import SETTINGS, Flow
from noop_jobs import nothing

from lps_flows.runner import Home, PrivateMongod, Workplace, open_workplace, submit
from lps_flows.runner.progress import progress
from lps_flows.runner.running import _start_child
from lps_flows.runner.worker import CampaignWorker, _launch

CAMPAIGN = "benchmark"
_GENERATION = 10


def chains(n: int) -> Flow:
    """`n` jobs in chains of ten, as the generations of a GA follow one another."""
    jobs = []
    for number in range(n):
        after = None if number % _GENERATION == 0 else jobs[-1].output
        each = nothing(number, after)
        each.update_metadata({"stage": f"part {number * 10 // n}"}, dynamic=True)
        jobs.append(each)
    return Flow(jobs, name="no-ops")


@contextmanager
def workplace() -> Iterator[Workplace]:
    folder = Path(tempfile.mkdtemp(prefix="lps-flows-benchmark-"))
    server = PrivateMongod(folder, cache_gb=1.0)
    server.start()
    try:
        with open_workplace(Home(folder)) as place:
            yield place
    finally:
        server.stop()
        shutil.rmtree(folder)


def measure_submit(sizes: list[int]) -> None:
    print(f"{'fireworks':>10} {'make (s)':>9} {'submit (s)':>11} {'ms each':>8}")
    for n in sizes:
        with workplace() as place:
            started = time.perf_counter()
            flow = chains(n)
            made = time.perf_counter()
            submit(place, flow, CAMPAIGN, "hash")
            done = time.perf_counter()
            each = 1000 * (done - made) / n
            print(f"{n:10} {made - started:9.1f} {done - made:11.1f} {each:8.2f}")


def measure_throughput(size: int, workers: list[int], seconds: float) -> None:
    print(f"{'size':>7} {'workers':>8} {'done':>6} {'fw/s':>7} {'ms each':>8}")
    for n in workers:
        with workplace() as place:
            submit(place, chains(size), CAMPAIGN, "hash")
            children = [_start_child(place, CAMPAIGN, k) for k in range(n)]
            launchpad = place.require_launchpad()

            def completed(launchpad=launchpad) -> int:
                return progress(launchpad, CAMPAIGN).total.completed

            deadline = time.monotonic() + 120
            while (
                completed() < n and time.monotonic() < deadline
            ):  # until the workers have imported everything
                time.sleep(0.5)
            before, started = completed(), time.perf_counter()
            while time.perf_counter() - started < seconds and completed() < size:
                time.sleep(1.0)
            done = completed() - before
            rate = done / (time.perf_counter() - started)
            for child in children:
                child.terminate()
                child.wait()
            twice = len(list(place.job_store.query({}, ["uuid"]))) - completed()
            each = 1000 * n / rate
            print(f"{size:7} {n:8} {done:6} {rate:7.2f} {each:8.0f}", end="")
            print(f"   documents beyond fireworks: {max(0, twice)}")


def measure_overhead(sizes: list[int], sample: int) -> None:
    """CPU time per firework, of the worker and of mongod: independent of the load."""
    came_from = Path.cwd()
    print(
        f"{'size':>7} {'worker CPU (ms)':>16} {'mongod CPU (ms)':>16} {'wall (ms)':>10}"
    )
    for size in sizes:
        with workplace() as place:
            submit(place, chains(size), CAMPAIGN, "hash")
            SETTINGS.JOB_STORE = place.job_store
            launchpad, folder = place.require_launchpad(), place.home.launches(CAMPAIGN)
            worker = CampaignWorker("benchmark", CAMPAIGN)
            server = psutil.Process(place.server.pid)
            _launch(launchpad, worker, folder)  # connections, imports
            before = time.process_time(), _cpu(server), time.perf_counter()
            for _ in range(sample):
                _launch(launchpad, worker, folder)
            after = time.process_time(), _cpu(server), time.perf_counter()
            os.chdir(came_from)
            ours, theirs, wall = (
                1000 * (b - a) / sample for a, b in zip(before, after, strict=True)
            )
            print(f"{size:7} {ours:16.0f} {theirs:16.0f} {wall:10.0f}", flush=True)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def measure_spec() -> None:
    """Sizes of the fireworks of every campaign under workflows/."""
    from lps_flows.settings import load_campaign

    for file in sorted(Path("workflows").glob("*.yaml")):
        settings = load_campaign(file)
        with workplace() as place:
            started = time.perf_counter()
            found = submit(place, settings.flow, CAMPAIGN, "hash")
            seconds = time.perf_counter() - started
            fireworks = list(place.require_launchpad().fireworks.find({}))
            sizes = {f["name"]: len(bson.encode(f)) for f in fireworks}
            largest = max(sizes, key=sizes.__getitem__)
            print(
                f"{file}: {found.n_fireworks} fireworks in {seconds:.1f} s, largest "
                f"{sizes[largest] / 1000:.1f} kB ({largest})"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    sub = verbs.add_parser("submit")
    sub.add_argument("--sizes", type=int, nargs="+", default=[1000, 2000, 5000, 10000])
    through = verbs.add_parser("throughput")
    through.add_argument("--size", type=int, default=10000)
    through.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    through.add_argument("--seconds", type=float, default=60.0)
    over = verbs.add_parser("overhead")
    over.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 3000, 10000])
    over.add_argument("--sample", type=int, default=20)
    verbs.add_parser("spec")
    given = parser.parse_args()
    # the workers must find noop_jobs.py too
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    if given.verb == "submit":
        measure_submit(given.sizes)
    elif given.verb == "throughput":
        measure_throughput(given.size, given.workers, given.seconds)
    elif given.verb == "overhead":
        measure_overhead(given.sizes, given.sample)
    else:
        measure_spec()


if __name__ == "__main__":
    main()
