"""Interrupt a worker at every command it sends to MongoDB; print what it cost.

    python -m benchmarks.fault_commands --every 1

Run from the repository root. Columns: how many commands were interrupted, how often
the campaign came to its end, documents lost, completed jobs that ran twice, and how
often ``lpad detect_lostruns --rerun --refresh``, ``lpad rerun_fws -s FIZZLED`` and a
stock worker were enough; below, the commands at which they were not.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from tests.faults.every_command import Fault, Kind, Play, count_commands, play

from lps_flows.runner import PrivateMongod

KINDS: tuple[Kind, ...] = ("stock", "ours")
FAULTS: tuple[Fault, ...] = ("killed", "away briefly", "away for good")


def plays(
    server: PrivateMongod, folder: Path, kind: Kind, fault: Fault, every: int
) -> list[Play]:
    n_commands = count_commands(server, folder, kind)
    found = []
    for at in range(1, n_commands + 1, every):
        where = folder / f"{fault}-{at}"
        found.append(play(server, where, kind, fault, at))
        shutil.rmtree(where)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--faults", nargs="+", default=FAULTS, choices=FAULTS)
    given = parser.parse_args()
    logging.disable()
    print("| worker | fault | commands | completed | lost | duplicated | by lpad |")
    print("|---|---|---|---|---|---|---|")
    stuck: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory(prefix="lps-flows-fault-") as temporary:
        folder = Path(temporary)
        server = PrivateMongod(folder)
        server.start()
        try:
            for kind in given.kinds:
                for fault in given.faults:
                    where = folder / kind
                    where.mkdir(exist_ok=True)
                    found = plays(server, where, kind, fault, given.every)
                    shutil.rmtree(where)
                    mended = sum(bool(p.by_lpad) for p in found)
                    print(
                        f"| {kind} | {fault} | {len(found)} "
                        f"| {sum(p.complete for p in found)} "
                        f"| {sum(p.lost for p in found)} "
                        f"| {sum(p.duplicated for p in found)} "
                        f"| {mended if kind == 'stock' else '-'} |",
                        flush=True,
                    )
                    left = [p.command for p in found if p.by_lpad is False]
                    stuck[fault] = stuck.get(fault, Counter()) + Counter(left)
        finally:
            server.stop()
    for fault, commands in stuck.items():
        print(f"\nNot by lpad, {fault}:")
        for command, n in commands.most_common():
            print(f"  {n:3} before {command}")


if __name__ == "__main__":
    main()
