"""What a job prints goes to files in its run directory."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


class _ThreadOutput:
    """A stream that sends what one thread writes to a file, the rest where it went."""

    def __init__(self, stream: IO[str], file: IO[str]) -> None:
        self._stream, self._file = stream, file
        self._thread = threading.get_ident()

    def _target(self) -> IO[str]:
        return self._file if threading.get_ident() == self._thread else self._stream

    def write(self, text: str) -> int:
        return self._target().write(text)

    def flush(self) -> None:
        self._target().flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target(), name)


@contextlib.contextmanager
def output_to(folder: Path) -> Iterator[IO[str]]:
    """Send what this thread prints to files in `folder`; yield the one of errors."""
    before = sys.stdout, sys.stderr
    to_out, to_err = (folder / name for name in ("FW_job.out", "FW_job.error"))
    files = [to_out.open("w"), to_err.open("w")]
    sys.stdout = _ThreadOutput(before[0], files[0])
    sys.stderr = _ThreadOutput(before[1], files[1])
    try:
        yield files[1]
    finally:
        sys.stdout, sys.stderr = before
        for file in files:
            with contextlib.suppress(OSError):  # what is not written yet, disk full
                file.close()
