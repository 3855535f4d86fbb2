"""Run a toy campaign in a process of its own, to be killed.

python -m tests.faults.run_toy HOME JOURNAL N SECONDS WORKERS
"""

from __future__ import annotations

import sys
from pathlib import Path

from lps_flows.runner import Home, open_workplace, run
from tests.toy_jobs import toy_flow

CAMPAIGN = "toy"


def main() -> int:
    home, journal, n, seconds, workers = sys.argv[1:]
    with open_workplace(Home(Path(home))) as workplace:
        result = run(
            workplace,
            lambda: toy_flow(journal, int(n), float(seconds)),
            CAMPAIGN,
            "hash",
            workers=int(workers),
        )
    return 0 if result.complete else 1


if __name__ == "__main__":
    sys.exit(main())
