"""Conductivities of the map's structures on a published potential, beside its own.

    python benchmarks/map_conductivity.py gc-Li42P16S61 beta-Li3PS4 ... [--ps 100]

Dynamics of structures of ``docs/data/map``, at the temperatures of the
published campaign. Rows in the form of its ``table_1.csv`` and ``runs.csv`` go to
``docs/data/map/beside``, from which docs/results.py makes its tables. A structure that
is there is not computed again.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

from dft_glasses import BESIDE, MAP, add, geometry, known
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from lps_flows.engines import EngineSettings
from lps_flows.flows.conductivity import ConductivityFlowMaker, ConductivitySettings
from lps_flows.report.blocks import Download
from lps_flows.report.values import conductivity_values
from lps_flows.schemas.transport import TransportDocument

sys.path.append(str(Path(__file__).parents[1] / "docs"))
from publish import run_table


def transport(label: str, potential: str, ps: float) -> TransportDocument:
    """Return diffusion and conductivity of a structure of the map."""
    asked = json.loads((MAP / "campaign.json").read_text())["settings"]["conductivity"]
    maker = ConductivityFlowMaker(
        engine=EngineSettings(name="ann", potential=potential),
        settings=ConductivitySettings(
            temperatures=tuple(asked["temperatures"]),
            # fs; the fastest vibration, P-S, takes 55 fs
            time_step=2.0,
            frame_interval=10,
            equilibration=asked["equilibration"],
            production=1000 * ps,
        ),
    )
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    flow = maker.make(geometry(label), label=label)
    run_locally(flow, store=store, ensure_success=True, log=False)
    return TransportDocument.from_store(store.get_output(flow.output.uuid))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="+")
    parser.add_argument("--potential", default="Li-P-S-dynamics")
    parser.add_argument("--ps", type=float, default=100.0, help="production (ps)")
    asked = parser.parse_args()
    BESIDE.mkdir(exist_ok=True)
    there = {row["structure"] for row in known(BESIDE / "table_1.csv")}
    for label in asked.labels:
        if label in there:
            continue
        begun = time.process_time()
        document = transport(label, asked.potential, asked.ps)
        for row in rows_in(run_table([document])):
            add(BESIDE / "runs.csv", row)
            print(label, row["temperature"], row["D"], row["framework_survived"])
        (values,) = conductivity_values([document], beside_paper=False)
        for row in rows_in(values):
            add(BESIDE / "table_1.csv", row)
            print(label, row["quantity"], row["value"], row["low"], row["high"])
        print(label, f"{time.process_time() - begun:.0f} s of processor", flush=True)


def rows_in(file: Download) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return list(csv.DictReader(io.StringIO(file.content.decode())))


if __name__ == "__main__":
    main()
