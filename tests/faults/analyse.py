"""Analyse a long run from the store as its job does; print D and the peak of memory.

python -m tests.faults.analyse HOME DATABASE UUID...

D is in cm^2/s, the memory in MB.
"""

from __future__ import annotations

import resource
import sys

from lps_flows.jobs.run_analysis import TransportSettings, analyse_trajectory
from lps_flows.jobs.trajectory import join_trajectory
from lps_flows.runner import PrivateMongod
from tests.conftest import make_job_store
from tests.toy_jobs import FRAME_FS, glass


def main() -> None:
    home, database, *uuids = sys.argv[1:]
    run = join_trajectory(uuids, make_job_store(PrivateMongod(home), database))
    document = analyse_trajectory(
        run,
        glass(),
        TransportSettings(),
        equilibration=0.0,
        chunk_uuids=uuids,
        time_step=FRAME_FS,
    )
    found = document.diffusion["Li"].D
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    sys.stdout.write(f"{document.n_frames} {found} {peak}\n")


if __name__ == "__main__":
    main()
