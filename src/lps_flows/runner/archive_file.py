"""One file that holds a campaign: documents, compressed, with a seal at the end.

It is a gzip file of BSON documents, one after another. Each names the collection it
belongs to (``in``) and holds one document of it; the first tells what the file is. A
last, empty gzip member has the SHA-256 of all bytes before it as its comment: a file
that is damaged anywhere, or cut off, is told before any of it is read. To be read the
documents are neither executed nor made into objects, and none is larger than MongoDB's.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import bson
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from lps_flows.foundation import LpsFlowsError
from lps_flows.foundation.writing import written_beside

FORMAT = 1
PIECE = 2**22
"""Size of the pieces of a file of a run directory, but the last (bytes)."""

_HEAD = "archive"
# MongoDB's limit of a document is 16 MiB
_LARGEST = 17 * 2**20
_BLOCK = 2**20
# an empty gzip member: no time, no system, a comment
_BEFORE = b"\x1f\x8b\x08\x10" + bytes(5) + b"\xffsha256 "
_AFTER = b"\x00\x03\x00" + bytes(8)
_DIGEST_LENGTH = 64
_SEAL_LENGTH = len(_BEFORE) + _DIGEST_LENGTH + len(_AFTER)


class DamagedArchiveError(LpsFlowsError):
    """A file is no archive of a campaign, or is not as it was written."""


class OtherCampaignError(LpsFlowsError):
    """A file already holds the archive of another campaign."""


def damaged_archive(problem: str, file: Path) -> DamagedArchiveError:
    """Return the error for a file that cannot be restored."""
    return DamagedArchiveError(
        problem,
        field="file",
        value=str(file),
        remedy="Nothing was written. Take another copy of it, or archive anew",
    )


class _Hashed:
    """A binary stream that keeps the hash of what is written to it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.sha256 = stream, hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.sha256.update(content)
        return self._stream.write(content)

    def flush(self) -> None:
        self._stream.flush()


def write_archive(
    file: Path, head: Mapping[str, Any], documents: Iterable[tuple[str, Any]]
) -> None:
    """Write an archive, whole or not at all.

    Parameters
    ----------
    file
        Where to; the same campaign's older one is replaced when this is complete.
    documents
        Names of collections, each with a document; one at a time is in memory.

    Raises
    ------
    DamagedArchiveError
        If `file` is there and is no archive.
    OtherCampaignError
        If it is the archive of another campaign.
    OSError
        If it cannot be written.
    """
    if file.is_file() and file.stat().st_size and _digest(file) is None:
        raise DamagedArchiveError(
            "it is there, and is no archive of a campaign",
            field="file",
            value=str(file),
            remedy="Name another file: this one is not replaced",
        )
    kept = _campaign_of(file)
    if kept not in (None, head.get("campaign")):
        raise OtherCampaignError(
            f"it is the archive of {kept}",
            field="file",
            value=str(file),
            remedy="Name another file: this one is not replaced",
        )
    with written_beside(file, private=True) as beside, beside.open("wb") as plain:
        hashed = _Hashed(plain)
        with gzip.GzipFile("", "wb", 6, hashed, 0) as packed:
            packed.write(bson.encode({"in": _HEAD, "document": head}))
            for name, document in documents:
                packed.write(bson.encode({"in": name, "document": document}))
        plain.write(_BEFORE + hashed.sha256.hexdigest().encode() + _AFTER)


def _campaign_of(file: Path) -> str | None:
    """Return whose archive a file is, as far as it can be read."""
    try:
        _, head = next(_entries(file))
        campaign = head["campaign"]
    except (BSONError, DamagedArchiveError, KeyError, StopIteration):
        return None
    return str(campaign)


def check_seal(file: Path) -> None:
    """Make sure that a file is an archive, and as it was written.

    Raises
    ------
    DamagedArchiveError
        If not.
    OSError
        If it cannot be read.
    """
    digest = _digest(file)
    if digest is None:
        raise damaged_archive("it is no archive of a campaign, or is cut off", file)
    left, sha256 = file.stat().st_size - _SEAL_LENGTH, hashlib.sha256()
    with file.open("rb") as stream:
        while left > 0 and (block := stream.read(min(_BLOCK, left))):
            sha256.update(block)
            left -= len(block)
    if sha256.hexdigest().encode() != digest:
        raise damaged_archive("it is damaged: its checksum is another", file)


def _digest(file: Path) -> bytes | None:
    """Return what the seal of an archive says; None for any other file."""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _SEAL_LENGTH))
        seal = stream.read(_SEAL_LENGTH)
    digest = seal.removeprefix(_BEFORE).removesuffix(_AFTER)
    return digest if len(digest) == _DIGEST_LENGTH and len(seal) > len(digest) else None


def read_archive(file: Path) -> tuple[dict[str, Any], Iterator[tuple[str, Any]]]:
    """Return what an archive is, and its documents with their collections' names.

    Raises
    ------
    DamagedArchiveError
        If it is damaged or of another format; while the documents are read, too.
    """
    check_seal(file)
    entries = _entries(file)
    name, head = next(entries, ("", None))
    if name != _HEAD or head is None:
        raise damaged_archive("it does not say what it is", file)
    try:
        known = bson.decode(head.raw)
    except BSONError as error:
        raise damaged_archive("it does not say what it is", file) from error
    if known.get("format") != FORMAT:
        raise DamagedArchiveError(
            "it is of another format",
            field="format",
            value=known.get("format"),
            remedy=f"Restore it with lps-flows {known.get('version')}; this version "
            f"reads format {FORMAT}",
        )
    return known, entries


def _entries(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        with gzip.open(file, "rb") as packed:
            while length := packed.read(4):
                size = int.from_bytes(length, "little")
                if not 4 < size <= _LARGEST:
                    raise damaged_archive("it holds something too large", file)
                entry = RawBSONDocument(length + packed.read(size - 4))
                name, document = entry["in"], entry["document"]
                if not (isinstance(name, str) and isinstance(document, Mapping)):
                    raise damaged_archive(
                        "it holds something else than documents", file
                    )
                yield name, document
    except (BSONError, EOFError, KeyError, OSError, zlib.error) as error:
        why = type(error).__name__
        raise damaged_archive(f"it cannot be read ({why})", file) from error
