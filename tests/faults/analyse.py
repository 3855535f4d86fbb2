"""Load a long trajectory from the store and print D and the peak of the memory (MB).

python -m tests.faults.analyse PORT DATABASE UUID...
"""

from __future__ import annotations

import resource
import sys
from types import SimpleNamespace

import numpy as np

from lps_flows.analysis.msd import mean_squared_displacement
from lps_flows.schemas.arrays import PackedArray
from tests.conftest import make_job_store


def main() -> None:
    port, database, *uuids = sys.argv[1:]
    server = SimpleNamespace(bind_ip="127.0.0.1", port=int(port))
    store = make_job_store(server, database)
    chunks, end = [], np.zeros((1, 3))
    for uuid in uuids:
        output = store.get_output(uuid, load=True)
        chunks.append(PackedArray(**output["frames"]).unpack() + end)
        end = chunks[-1][-1]
    positions = np.concatenate(chunks)
    times = np.arange(len(positions)) * 6.0
    curve = mean_squared_displacement(positions, times)
    slope = np.polyfit(curve.lags, curve.values, 1)[0] / 6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    sys.stdout.write(f"{slope} {peak}\n")


if __name__ == "__main__":
    main()
