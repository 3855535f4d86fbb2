"""Run one static calculation by whatever atomate2's settings call VASP; print it.

python -m tests.vasp.run_static
"""

from __future__ import annotations

import sys

from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings, get_engine, read_calculation


def main() -> None:
    job = get_engine(EngineSettings(name="vasp")).static.make(crystal("Li2S"))
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(job, store=store, create_folders=True, ensure_success=True, log=False)
    document = store.get_output(job.uuid, load=True)
    sys.stdout.write(f"{read_calculation(document).energy}\n")


if __name__ == "__main__":
    main()
