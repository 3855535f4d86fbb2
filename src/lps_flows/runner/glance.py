"""A campaign at a glance: how far it is, what failed, what it cost.

What `lps-flows status` shows. On the private server, and as long as the campaign file
is the one submitted, it needs neither jobflow, FireWorks nor the settings: what those
foretell was kept with the campaign.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

from lps_flows import __version__
from lps_flows.foundation import PlainYamlError, read_plain_yaml
from lps_flows.jobs.large_parts import Queried
from lps_flows.runner.configuration import (
    DATABASE,
    DOCS_COLLECTION,
    LAUNCHPAD_DATABASE,
    choose,
)
from lps_flows.runner.home import Home
from lps_flows.runner.price import Foretold, Price, beside_foretold
from lps_flows.runner.progress import (
    Failure,
    Progress,
    Queue,
    failures,
    launch_times,
    progress,
)
from lps_flows.runner.server import PrivateMongod
from lps_flows.schemas.damage import left_out

if TYPE_CHECKING:
    from lps_flows.runner.workplace import Workplace
    from lps_flows.settings import CampaignSettings

_KEPT = "at_a_glance"
# keys whose files belong to the settings, too
_NAME_FILES = (("own_crystals",), ("dataset", "labelled"))
_MAY_NAME_FILES = (("engine", "potential"), ("conductivity_engine", "potential"))


@dataclass(frozen=True)
class Glance:
    """State and cost of a campaign.

    Attributes
    ----------
    prices
        By stage, and of all as ``total``.
    unread
        What could not be read for them.
    deleted
        Whether its fireworks were deleted after it was submitted.
    """

    progress: Progress
    failures: list[Failure]
    prices: dict[str, Price]
    unread: list[str]
    deleted: bool = False


def glance(
    jobs: Queried, queue: Queue | None, campaign: str, foretold: Foretold
) -> Glance:
    """Look at a campaign.

    Parameters
    ----------
    jobs
        The job store.
    queue
        The LaunchPad; None where there are only files.
    foretold
        What :func:`foretell` says of its settings.
    """
    if queue is None:
        with left_out() as damaged:
            prices = beside_foretold(jobs, campaign, foretold, {})
        return Glance(Progress(campaign, ()), [], prices, list(damaged))
    state, failed = progress(queue, campaign), failures(queue, campaign)
    times, unread = launch_times(queue, campaign)
    with left_out() as damaged:
        prices = beside_foretold(jobs, campaign, foretold, times)
    submitted = {"campaign": campaign, "state": "submitted"}
    record = queue.db["campaigns"].find_one(submitted, {"_id": 1})
    deleted = record is not None and not state.stages
    return Glance(state, failed, prices, [*unread, *damaged], deleted)


def keep_for_glances(
    workplace: Workplace, settings: CampaignSettings, file: Path, foretold: Foretold
) -> None:
    """Keep with a submitted campaign what :func:`glance_at` needs of its file."""
    digest = _digest(file)
    if digest is None:
        return
    described = {"campaign": settings.name, "settings_hash": settings.settings_hash}
    kept = {"file": digest, "foretold": json.dumps(dict(foretold))}
    campaigns = workplace.require_launchpad().db["campaigns"]
    campaigns.update_one(described, {"$set": {_KEPT: kept}})


def glance_at(file: Path, home: Home | None = None) -> Glance | None:
    """Look at the campaign of a file, in a fraction of a second.

    Returns
    -------
    Glance or None
        None unless the private server runs, and holds the campaign as this file and
        this version describe it.
    """
    with _described_by(file, home or Home()) as described:
        if described is None:
            return None
        client, record = described
        try:
            foretold = json.loads(record[_KEPT]["foretold"])
        except (KeyError, TypeError, ValueError):  # someone has changed it
            return None
        queue = _Database(client[LAUNCHPAD_DATABASE])
        jobs = _Documents(client[DATABASE][DOCS_COLLECTION])
        found = glance(jobs, queue, record["campaign"], foretold)
    return found if found.progress.stages else None


def submitted_as(file: Path, home: Home | None = None) -> str | None:
    """Return the name of the campaign that was submitted as a file describes it.

    None where that cannot be told as quickly as by :func:`glance_at`.
    """
    with _described_by(file, home or Home()) as described:
        return None if described is None else str(described[1]["campaign"])


@contextmanager
def _described_by(
    file: Path, home: Home
) -> Iterator[tuple[MongoClient[dict[str, Any]], dict[str, Any]] | None]:
    """Yield the private server and its record of a file's campaign, if there is one."""
    digest, server = _digest(file), PrivateMongod(home.path)
    # one that is not guarded does not run, or is to be started anew
    if digest is None or choose(home).source != "private" or not server.guarded:
        yield None
        return
    described = {"state": "submitted", f"{_KEPT}.file": digest}
    with server.client() as client:
        try:
            record = client[LAUNCHPAD_DATABASE]["campaigns"].find_one(described)
        except PyMongoError:  # whoever opens everything will tell
            record = None
        yield None if record is None else (client, record)


def _digest(file: Path) -> str | None:
    """Return what tells a file from others to this version, None where it is not all.

    Comments and the order of keys do not count.
    """
    try:
        content = read_plain_yaml(file)
        text = json.dumps([__version__, content], sort_keys=True)
    except (PlainYamlError, TypeError):  # the settings will say what is wrong with it
        return None
    if any(_at(content, *key) is not None for key in _NAME_FILES):
        return None
    potentials = (_at(content, *key) for key in _MAY_NAME_FILES)
    try:
        if any(isinstance(p, str) and (file.parent / p).is_file() for p in potentials):
            return None
    except OSError:  # a name may be too long for a file's
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def _at(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content


@dataclass(frozen=True)
class _Database:
    """A LaunchPad's database, opened without FireWorks."""

    db: Database[dict[str, Any]]

    @property
    def fireworks(self) -> Collection[dict[str, Any]]:
        return self.db["fireworks"]

    @property
    def launches(self) -> Collection[dict[str, Any]]:
        return self.db["launches"]


@dataclass(frozen=True)
class _Documents:
    """The documents of a job store, opened without jobflow."""

    documents: Collection[dict[str, Any]]

    def query(
        self,
        criteria: dict[str, Any],
        properties: list[str],
        *,
        load: bool = False,  # noqa: ARG002 - nothing large is asked for
    ) -> Iterable[dict[str, Any]]:
        return self.documents.find(criteria, properties)
