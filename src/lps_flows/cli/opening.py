"""The workplace that verbs work in, and the campaign as it was submitted there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lps_flows.cli.application import err
from lps_flows.cli.progress import Step

if TYPE_CHECKING:
    from lps_flows.report import ReportContent
    from lps_flows.runner import Workplace
    from lps_flows.settings import CampaignKeys, CampaignSettings

_MOST_SHOWN = 20
# For a server that may know a file with mistakes; what is configured may be minutes.
_PATIENCE_S = 5.0


@contextmanager
def workplace(*, files: bool = False) -> Iterator[Workplace]:
    """Open stores and LaunchPad, and say what the user should know about them."""
    from lps_flows.runner import open_workplace

    with open_workplace(files=files) as place:
        if place.notice:
            err.print(place.notice, style="yellow")
        yield place


@contextmanager
def submitted(file: Path) -> Iterator[tuple[Workplace, CampaignKeys]]:
    """Open the workplace of a campaign, with the settings it was submitted with.

    They are those of its file, until that is changed under its old name: then what
    differs is said, and results go on being those of the submitted settings.
    """
    settings = _settings_of(file)
    with workplace() as place:
        yield place, _as_submitted(place, settings, file)


@contextmanager
def named(file: Path) -> Iterator[tuple[Workplace, str, Callable[[], CampaignKeys]]]:
    """Open the workplace of a campaign for verbs that need little but its name.

    The settings, as `submitted` has them, are read when they are asked for.
    """
    from lps_flows.runner import submitted_as

    name = submitted_as(file)
    if name is None:
        with submitted(file) as (place, settings):
            yield place, settings.name, lambda: settings
        return
    with workplace() as place:
        yield place, name, partial(_settings_of, file)


def to_be_run(file: Path, *, start: bool = True) -> CampaignSettings:
    """Return the settings of a campaign that is to be submitted, or goes on.

    What was submitted with the very same settings goes on, whatever this version would
    refuse of them today.

    Parameters
    ----------
    start
        Whether the private server may be started to know it.
    """
    from lps_flows.settings import CampaignFileError, load_campaign

    try:
        return load_campaign(file)
    except CampaignFileError as error:
        try:
            settings = _settings_of(file)
        except CampaignFileError:
            raise error from None
        if not _is_submitted(settings, start=start):
            raise
        return settings


def _is_submitted(settings: CampaignSettings, *, start: bool) -> bool:
    from pymongo import timeout
    from pymongo.errors import PyMongoError

    from lps_flows.foundation import LpsFlowsError
    from lps_flows.runner import Home, PrivateMongod, open_workplace, recorded
    from lps_flows.runner.configuration import choose

    home, known = Home(), None
    patience: AbstractContextManager[Any] = timeout(_PATIENCE_S)
    # whatever happens, the file is what is to be mended first
    with suppress(LpsFlowsError, PyMongoError):
        if choose(home).source == "private":
            server, patience = PrivateMongod(home.path), nullcontext()
            if server.port is None or not (start or server.guarded):
                return False  # it never ran, or does not now
        with patience, open_workplace() as place:
            known = None if place.launchpad is None else recorded(place, settings.name)
    return known is not None and not settings.differences(
        known.settings, complete=known.complete
    )


def _settings_of(file: Path) -> CampaignSettings:
    from lps_flows.settings import load_campaign

    return load_campaign(file, fitted=True)


def _as_submitted(
    place: Workplace, settings: CampaignSettings, file: Path
) -> CampaignKeys:
    from lps_flows.runner import recorded

    known = recorded(place, settings.name)
    if known is None or known.settings_hash == settings.settings_hash:
        return settings
    if not known.complete:
        err.print(
            f"{settings.name} was submitted by a version that recorded only part "
            f"of its settings; {file} stands for the others."
        )
    differing = settings.differences(known.settings, complete=known.complete)
    if differing:
        err.print(
            f"{settings.name} was submitted with other settings than {file} has; "
            "what follows is of those it was submitted with (there), not of the "
            "file (here). Give the changed campaign another name.",
            style="yellow",
        )
    for difference in differing[:_MOST_SHOWN]:
        err.print(f"  {difference}")
    if len(differing) > _MOST_SHOWN:
        err.print(f"  and {len(differing) - _MOST_SHOWN} more")
    return settings.as_submitted(known.settings)


def gathered(
    place: Workplace, settings: CampaignKeys, step: Step | None = None
) -> ReportContent:
    """Return everything there is to say of a campaign, for page, summary, figures."""
    from lps_flows.report import gather, launchpad_view

    launchpad = place.launchpad
    return gather(
        place.job_store,
        place.result_store,
        settings.name,
        line=settings.line,
        hull=settings.analysis.hull,
        settings=settings.model_dump(mode="json"),
        launchpad=launchpad_view(launchpad, settings.name) if launchpad else None,
        progress=step,
    )
