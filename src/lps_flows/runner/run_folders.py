"""The folders in which a campaign's jobs ran, on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lps_flows.builders.increment import chunks
from lps_flows.runner.home import checked_name
from lps_flows.runner.workplace import Workplace

JOB = "spec._tasks.job.uuid"
"""Where a firework names its job."""
LAUNCHER = "launcher_"
"""How names of run directories begin."""

_AT_ONCE = 500


def run_folders(workplace: Workplace, campaign: str) -> list[Path]:
    """Return the folders of a campaign's runs that are on this machine.

    The first is the one in the home, in which the run directories lie, whether it is
    there or not; others are single run directories of stock workers.
    """
    own = workplace.home.path / "launches" / checked_name(campaign)
    launchpad = workplace.require_launchpad()
    ids = launchpad.fireworks.distinct("fw_id", {"spec.campaign": campaign})
    named = {
        Path(name)
        for few in chunks(sorted(ids), _AT_ONCE)
        for name in launchpad.launches.distinct("launch_dir", {"fw_id": {"$in": few}})
        if isinstance(name, str) and Path(name).name.startswith(LAUNCHER)
    }
    # a private server serves one home: runs in another are of that which was copied
    foreign = ("launches", campaign) if workplace.source == "private" else None
    others = (
        folder
        for folder in sorted(named)
        if folder.parent != own and folder.parent.parts[-2:] != foreign
    )
    return [own, *(folder for folder in others if folder.is_dir())]


def run_files(workplace: Workplace, campaign: str) -> Iterator[tuple[Path, str]]:
    """Yield the plain files of a campaign's runs, and their paths below its folder.

    Directories of stock workers come to lie beside those of the home: their names hold
    the microsecond in which they were made. Records of training lie beside them. Of a
    job that was cut off in one place and ended in another the newer one counts.
    """
    newest: dict[str, Path] = {}
    for file, path in _all_files(workplace, campaign):
        if path not in newest or _changed(file) > _changed(newest[path]):
            newest[path] = file
    yield from ((file, path) for path, file in newest.items())


def _all_files(workplace: Workplace, campaign: str) -> Iterator[tuple[Path, str]]:
    own, *others = run_folders(workplace, campaign)
    yield from ((file, str(file.relative_to(own))) for file in _files_in(own))
    for folder in others:
        for file in _files_in(folder):
            yield file, str(file.relative_to(folder.parent))
    fireworks = workplace.require_launchpad().fireworks
    for record in {r for f in others for r in f.parent.glob("training-*.record")}:
        job = record.stem.removeprefix("training-")
        if fireworks.find_one({"spec.campaign": campaign, JOB: job}, {"_id": 1}):
            yield record, record.name


def _changed(file: Path) -> int:
    """Return when a file was last written to (ns); a worker may just remove it."""
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield the plain files in a folder, at any depth; links are not followed."""
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            file = Path(where, name)
            if file.is_file() and not file.is_symlink():
                yield file


def remove_runs(workplace: Workplace, campaign: str) -> None:
    """Remove the run directories of a campaign on this machine, and its logs."""
    for folder in reversed(run_folders(workplace, campaign)):
        shutil.rmtree(folder, ignore_errors=True)
    for log in (workplace.home.path / "logs").glob(f"{campaign}-*.log"):
        if log.stem.removeprefix(f"{campaign}-").isdigit():
            log.unlink(missing_ok=True)
