"""Write a file so that it is there whole or not at all.

A result is written beside the place where it belongs and moved there when it is
complete: a full disk or a kill leaves what was there before as it was.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

_PRIVATE = 0o600
_LONGEST_NAME = 90


@contextlib.contextmanager
def written_beside(file: Path | str, *, private: bool = False) -> Iterator[Path]:
    """Yield a path to write to, which becomes `file` when the block has ended.

    Parameters
    ----------
    file
        Where the file belongs. What is no plain file (``/dev/stdout``, a pipe) is
        written to directly.
    private
        Whether only its owner may read it, whatever the umask.

    Yields
    ------
    Path
        In the same folder, with the same suffix.

    Raises
    ------
    OSError
        If it cannot be written to its end; what `file` held before is still there.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> report = Path(mkdtemp()) / "report.txt"
    >>> with written_beside(report) as path:
    ...     _ = path.write_text("all of it")
    >>> report.read_text()
    'all of it'
    """
    target = Path(file).resolve()  # the file behind a link, not the link
    if target.exists() and not target.is_file():
        yield Path(file)
        return
    # not longer than a name may be, and no one else's
    name = f".{target.stem[:60]}.{token_hex(6)}{target.suffix[-60:]}"
    beside = target.with_name(name)
    try:
        if private:
            os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
            beside.chmod(_PRIVATE)
        yield beside
        if not private and target.exists():
            beside.chmod(stat.S_IMODE(target.stat().st_mode))
        _to_disk(beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def file_name(text: str) -> str:
    """Return text of others as the name of a file: no path, not hidden, not too long.

    Examples
    --------
    >>> file_name("../../etc/a b.csv")
    '_.._etc_a_b.csv'
    """
    plain = re.sub(r"[^\w.+=-]", "_", text).lstrip(".-")
    if len(plain) > _LONGEST_NAME:
        plain = plain[:60] + plain[-30:]
    return plain or "unnamed"


def write_text(file: Path | str, text: str, *, private: bool = False) -> Path:
    """Write `text` in UTF-8, whole or not at all; return the path.

    Parameters
    ----------
    file, private
        As of :func:`written_beside`.

    Raises
    ------
    OSError
        If it cannot be written; what it held before is still there.
    """
    return write_bytes(file, text.encode(), private=private)


def write_bytes(file: Path | str, content: bytes, *, private: bool = False) -> Path:
    """Write `content`, whole or not at all; return the path.

    Parameters
    ----------
    file, private
        As of :func:`written_beside`.

    Raises
    ------
    OSError
        If it cannot be written; what it held before is still there.
    """
    with written_beside(file, private=private) as path:
        path.write_bytes(content)
    return Path(file)


def _to_disk(file: Path) -> None:
    """Wait until the file is on the disk: a move may overtake what it moves."""
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())
