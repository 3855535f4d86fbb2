"""Files are there whole or not at all."""

from __future__ import annotations

import os
import re
import signal
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lps_flows.foundation.writing import write_bytes, write_text, written_beside
from tests.limits import files_up_to


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_a_file_is_written_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "Größe.txt"
    assert write_text(file, "one Å") == file
    assert write_bytes(file, b"two") == file
    assert file.read_bytes() == b"two"
    assert names(tmp_path) == {file.name}


def test_what_cannot_be_written_to_its_end_leaves_the_old(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("old")
    with files_up_to(10_000), pytest.raises(OSError, match="too large"):
        write_text(file, "x" * 20_000)
    assert file.read_text() == "old"
    assert names(tmp_path) == {"report.html"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_breaks_off_leaves_the_old(
    tmp_path: Path, error: type[BaseException]
) -> None:
    file = tmp_path / "figure.png"
    file.write_text("old")

    def draw() -> None:
        with written_beside(file) as path:
            path.write_text("half a fig")
            raise error

    with pytest.raises(error):
        draw()
    assert file.read_text() == "old"
    assert names(tmp_path) == {"figure.png"}


def test_what_is_killed_leaves_the_old(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_text("old")
    child = os.fork()
    if child == 0:
        with written_beside(file) as path:
            path.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert file.read_text() == "old"


def test_the_suffix_stays_for_those_who_write_by_it(tmp_path: Path) -> None:
    with written_beside(tmp_path / "figure.pdf") as path:
        assert path.suffix == ".pdf"
        assert path.parent == tmp_path
        path.touch()


def test_long_names(tmp_path: Path) -> None:
    file = tmp_path / ("x" * 250 + ".yaml")
    write_text(file, "long")
    assert file.read_text() == "long"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_private_files_are_private_under_every_umask(
    tmp_path: Path, umask: int
) -> None:
    open_to_all = tmp_path / "old"
    open_to_all.touch()
    open_to_all.chmod(0o666)
    before = os.umask(umask)
    try:
        for name in ("new", "old"):
            write_text(tmp_path / name, "secret", private=True)
    finally:
        os.umask(before)
    for name in ("new", "old"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_others_keep_their_mode(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.touch()
    file.chmod(0o640)
    write_text(file, "x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "report.html"
    link.symlink_to(tmp_path / "disk" / "report.html")
    for text in ("new", "newer"):
        write_text(link, text)
        assert link.is_symlink()
        assert (tmp_path / "disk" / "report.html").read_text() == text


def test_devices_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    device = Path("/dev/null")
    write_text(device, "nothing")
    assert device.is_char_device()


@pytest.mark.parametrize("make", [lambda f: f / "no folder" / "x", lambda f: f])
def test_places_that_cannot_be_written(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - which one is the system's business
        write_text(make(tmp_path), "x")


def test_several_at_once(tmp_path: Path) -> None:
    file = tmp_path / "shared"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: write_text(file, chr(n + 48) * 1000), range(64)))
    assert len(set(file.read_text())) == 1
    assert names(tmp_path) == {"shared"}


# Who writes without the function, and why it may.
WRITES_BY_ITSELF = {
    "foundation/writing.py": "is the function",
    "runner/recorded.py": "into the path that the function yields",
    "jobs/export.py": "into a folder beside, whose files are moved as a whole",
    "jobs/export_optimade.py": "into the folder beside that jobs/export.py yields",
    "jobs/export_results.py": "into the folder beside that jobs/export.py yields",
    "potential/lockstep.py": "appends to a record that may end anywhere",
    "runner/job_output.py": "what a job prints",
    "cli/application.py": "to /dev/null",
    "runner/running.py": "the log of a worker",
    "runner/archive_file.py": "into the path that the function yields, packed",
}
WRITING = re.compile(
    r"\.write_(text|bytes)\(|\.open\(\"[wa]|open\([^)]*[\"'][wa]b?[\"']|\.write_html\("
)


def test_every_result_is_written_by_the_function() -> None:
    root = Path(__file__).parents[2] / "src" / "lps_flows"
    writers = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        if WRITING.search(file.read_text())
    }
    assert writers == set(WRITES_BY_ITSELF)
