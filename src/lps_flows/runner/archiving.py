"""Write a campaign into one file, also while it runs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.client_session import ClientSession

from lps_flows.runner.archive_content import restorable
from lps_flows.runner.archive_file import FORMAT, PIECE, write_archive
from lps_flows.runner.belongings import belongings, collections, no_campaign
from lps_flows.runner.given import at_hand, given_of, kept_as
from lps_flows.runner.progress import progress
from lps_flows.runner.run_folders import run_files, run_folders
from lps_flows.runner.workplace import Workplace
from lps_flows.schemas.base import code_versions

QUEUE = ("workflows", "fireworks", "launches", "actions.files", "actions.chunks")

_RAW: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
# Of a complete campaign, outputs of codes that are larger are in its documents.
_LARGEST_KEPT = 2**20
# MongoDB 5.0, the first whose snapshots can be read outside transactions
_WITH_SNAPSHOTS = 13


def archive(workplace: Workplace, campaign: str, file: Path | str) -> Path:
    """Write everything of a campaign into one compressed, checksummed file.

    That is its queue as it is at one moment, the documents and arrays of its jobs, the
    results of the builders, its settings with the files they lead to (as far as those
    are here as they were, see `lost_files`), the versions of the code, and its run
    directories on this machine: training records and checkpoints, and of a campaign
    that is complete only files up to 1 MiB. A name that is not in UTF-8 is told, and
    written with escapes. Workers may go on meanwhile; what they have not finished at
    that moment is made again where the archive is restored.

    Parameters
    ----------
    file
        Where to write. An older archive of the campaign is replaced when this one is
        complete.

    Returns
    -------
    Path
        The file, which only its owner can read.

    Raises
    ------
    NoCampaignError
        If there is no campaign of this name.
    StoreKindError
        If its documents are not in MongoDB with GridFS.
    UnsoundCampaignError
        If the campaign is damaged so that it could not be restored.
    DamagedArchiveError
        If `file` is there and is no archive.
    OtherCampaignError
        If it is the archive of another campaign.
    OSError
        If the file cannot be written; what was there before is still there.
    """
    launchpad = workplace.require_launchpad()
    record = _record(workplace, campaign)
    own, *others = run_folders(workplace, campaign)
    head = {
        "format": FORMAT,
        "campaign": campaign,
        "archived_at": datetime.now(UTC),
        "version": code_versions().get("lps-flows"),
        "versions": code_versions(),
        "folders": sorted({str(own), *(str(folder.parent) for folder in others)}),
        "record": record,
    }
    hashes = given_of(record)["files"]
    given = {
        kept_as(hashes[path], path): file
        for path, file in at_hand(workplace, record).items()
    }
    largest = _LARGEST_KEPT if progress(launchpad, campaign).complete else None
    with ExitStack() as opened:
        session = _snapshot(launchpad.connection)
        if session is not None:
            opened.enter_context(session)

        def documents() -> Iterator[tuple[str, Any]]:
            yield from _stored(workplace, campaign, session)
            yield from _runs(workplace, campaign, given, largest)

        write_archive(Path(file), head, restorable(campaign, documents()))
    return Path(file)


def lost_files(workplace: Workplace, campaign: str) -> list[str]:
    """Return the paths of given files that are gone, or not as they were any more.

    They are not in an archive, and a campaign file that is written from it lacks them.

    Raises
    ------
    NoCampaignError
        If there is no campaign of this name.
    """
    record = _record(workplace, campaign)
    there = at_hand(workplace, record)
    return [path for path in given_of(record)["files"] if path not in there]


def _record(workplace: Workplace, campaign: str) -> dict[str, Any]:
    record = (
        workplace.require_launchpad()
        .db["campaigns"]
        .find_one({"campaign": campaign, "state": "submitted"})
    )
    if record is None:
        raise no_campaign(campaign)
    return dict(record)


def _snapshot(client: MongoClient[Any]) -> ClientSession | None:
    """Return a session that reads at one point of time, where the server can."""
    hello = client.admin.command("hello")
    able = "setName" in hello and hello["maxWireVersion"] >= _WITH_SNAPSHOTS
    return client.start_session(snapshot=True) if able else None


def _stored(
    workplace: Workplace, campaign: str, session: ClientSession | None
) -> Iterator[tuple[str, Any]]:
    place = collections(workplace)
    for name, query in belongings(workplace, campaign, session, orphans=False):
        # the store may be on another server than the queue
        reading = {"session": session if name in QUEUE else None}
        raw = place[name].with_options(codec_options=_RAW)
        for document in raw.find(query, **reading):
            yield name, document


def _runs(
    workplace: Workplace, campaign: str, given: Mapping[str, Path], largest: int | None
) -> Iterator[tuple[str, Any]]:
    """Yield the files of run directories and the given ones, in pieces."""
    of_runs = {path: file for file, path in run_files(workplace, campaign)}
    for named, file in {**of_runs, **given}.items():
        path = named.encode(errors="backslashreplace").decode()
        if path != named:
            warnings.warn(
                f"{path}: its name is not in UTF-8, and is in the archive as it is "
                "written here",
                stacklevel=2,
            )
        try:
            with file.open("rb") as content:
                if largest is None or named in given or file.stat().st_size <= largest:
                    pieces = iter(partial(content.read, PIECE), b"")
                    yield "runs", {"path": path, "content": next(pieces, b"")}
                    for piece in pieces:
                        yield "runs", {"path": path, "content": piece}
        except FileNotFoundError:  # a worker has just removed it
            continue
