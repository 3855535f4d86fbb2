"""One worker process of ``lps-flows run --workers N``.

Started by running.py as ``python -m lps_flows.runner.child HOME CAMPAIGN INDEX``. Where
run directories cannot be written its exit status tells why: there may be no room left
for a word in its log.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from filelock import FileLock
from jobflow import SETTINGS

from lps_flows.runner.home import Home
from lps_flows.runner.running import NO_FOLDER_STATUS, worker_name
from lps_flows.runner.worker import CampaignWorker, RunFolderError, Stop, work
from lps_flows.runner.workplace import open_workplace


def main(home: Path, campaign: str, index: int) -> None:
    """Work until nothing is left, or until the parent is gone."""
    place = Home(home)
    with Stop() as stop, FileLock(place.lock(f"run-{campaign}#{index}")):
        threading.Thread(target=_end_with_parent, daemon=True).start()
        with open_workplace(place) as workplace:
            SETTINGS.JOB_STORE = workplace.job_store
            work(
                workplace.require_launchpad(),
                CampaignWorker(worker_name(workplace, campaign, index), campaign),
                place.launches(campaign),
                stop,
                revive=workplace.server.start if workplace.server else None,
            )


def _end_with_parent() -> None:
    """Wait for the end of standard input, which the parent holds open."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    except RunFolderError as error:
        # not by `sys.exit`: a log that cannot be written makes another status of it
        os._exit(NO_FOLDER_STATUS + error.number)
