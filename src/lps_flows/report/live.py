"""The live page: progress and the phase diagram of a campaign while it runs."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from errno import EADDRNOTAVAIL
from importlib.resources import files
from typing import Any

from plotly.offline import get_plotlyjs

from lps_flows.analysis import HullError, HullSettings
from lps_flows.builders import as_far_as_known
from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.structures import relaxed_heads
from lps_flows.report.charts.phase_diagram import phase_diagram_chart
from lps_flows.report.content import gather
from lps_flows.report.launchpad import launchpad_view
from lps_flows.report.page import render_page
from lps_flows.report.sections.overview import LaunchPadView
from lps_flows.report.serving import Pages, PageServer
from lps_flows.runner import Workplace
from lps_flows.runner.loopback import require_loopback
from lps_flows.schemas.built import StructureHead
from lps_flows.schemas.damage import left_out
from lps_flows.schemas.results import Results

_FRESH_S = 2.0
_REPORT_FRESH_S = 30.0
# the folders of an absolute path; not what follows a name, as in N/mm or https://
_PATH = re.compile(r"(?<![\w.:/~…])~?/(?:[^\s/'\"]+/)+")


class PortError(LpsFlowsError):
    """The address cannot be served."""


@dataclass
class Cached:
    """A value that is made again when it is older than some seconds.

    It is never made for more than a tenth of the time, however long that takes.
    """

    make: Callable[[], str]
    fresh_s: float
    _value: str = ""
    _stale: float = field(default=float("-inf"))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self) -> str:
        """Return the value; only one thread makes it."""
        with self._lock:
            started = time.monotonic()
            if started > self._stale:
                self._value = self.make()
                now = time.monotonic()
                self._stale = now + max(self.fresh_s, 9 * (now - started))
            return self._value


@dataclass(frozen=True)
class LiveCampaign:
    """What the live page reads."""

    workplace: Workplace
    campaign: str
    line: CompositionLine = field(default_factory=CompositionLine)
    hull: HullSettings = field(default_factory=HullSettings)
    settings: dict[str, Any] | None = None
    _read_sets: dict[tuple[str, int], list[StructureHead]] = field(
        default_factory=dict, init=False, repr=False
    )

    def state(self) -> str:
        """Return progress, failures and the phase diagram so far, as JSON."""
        view = self._view()
        chart, n_points = None, 0
        with left_out() as damaged:
            results, note = self._results()
        diagram = results.diagram
        if diagram is not None:
            chart = json.loads(phase_diagram_chart(diagram, results).to_json())
            n_points = len(results.on_line)
        elif not note:
            note = "No relaxed structure on the composition line yet."
        stages = view.progress.stages if view else ()
        unread = [*damaged, *(view.progress.damaged if view else ())]
        if unread:
            note = f"{note} Damaged and left out: {'; '.join(unread)}".strip()
        return json.dumps(
            {
                "campaign": self.campaign,
                "complete": bool(view and view.progress.complete),
                "stages": [{**asdict(s), "total": s.total} for s in stages],
                "running": view.progress.running if view else (),
                "run_time_s": view.run_time_s if view else {},
                "failures": [asdict(f) for f in view.failures] if view else [],
                "method": diagram.method if diagram else None,
                "n_points": n_points,
                "note": note,
                "chart": chart,
            }
        )

    def _results(self) -> tuple[Results, str]:
        """Return the phase diagram so far, and what is said in its place."""
        try:
            heads = relaxed_heads(
                self.workplace.job_store, self.campaign, self._read_sets
            )
            results = as_far_as_known(
                Results(self.campaign),
                heads,
                self.hull,
                self.line,
                self.workplace.job_store,
            )
        except HullError as error:
            return Results(self.campaign), str(error)
        return results, ""

    def report(self) -> str:
        """Return the whole report as it stands now."""
        return render_page(
            gather(
                self.workplace.job_store,
                self.workplace.result_store,
                self.campaign,
                line=self.line,
                hull=self.hull,
                settings=without_paths(self.settings),
                launchpad=self._view(),
            )
        )

    def _view(self) -> LaunchPadView | None:
        """Return what the LaunchPad knows, without places on this machine."""
        launchpad = self.workplace.launchpad
        if launchpad is None:
            return None
        view = launchpad_view(launchpad, self.campaign)
        failures = [
            replace(failure, reason=without_paths(failure.reason), folder="")
            for failure in view.failures
        ]
        return replace(view, failures=failures)


def live_server(
    live: LiveCampaign,
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    open_to_all: bool = False,
) -> PageServer:
    """Return a server of the live page, not yet serving; its `address` is to be opened.

    Parameters
    ----------
    port
        Port; any free one when 0.
    host
        Address to listen on. Beyond loopback everything, the token too, goes over the
        network unencrypted.
    open_to_all
        Whether the address needs no token: on loopback only, where the users of the
        machine can read it then.

    Raises
    ------
    UnsafeAddressError
        When it would be open to other machines.
    PortError
        When the port is taken or may not be used, or the address is none of this
        machine.
    """
    if open_to_all:
        require_loopback(host, "Leave --open out, or listen on 127.0.0.1")
    state = Cached(live.state, _FRESH_S)
    report = Cached(live.report, _REPORT_FRESH_S)
    html, script = "text/html; charset=utf-8", "text/javascript; charset=utf-8"
    assets = files("lps_flows.report") / "assets"
    pages: Pages = {
        "": (html, lambda: (assets / "live.html").read_text(encoding="utf-8")),
        "live.js": (script, lambda: (assets / "live.js").read_text(encoding="utf-8")),
        "plotly.js": (script, get_plotlyjs),
        "state.json": ("application/json", state.get),
        "report.html": (html, report.get),
    }
    try:
        return PageServer(
            host,
            port,
            pages,
            own_policy=frozenset({"report.html"}),  # stricter
            open_to_all=open_to_all,
        )
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == EADDRNOTAVAIL:
            raise PortError(
                f"it is no address of this machine ({error.strerror})",
                field="host",
                value=host,
                remedy="Name an IPv4 address of this machine with --host, or 0.0.0.0 "
                "for all of them",
            ) from error
        raise PortError(
            f"the port cannot be used ({error.strerror})",
            field="port",
            value=port,
            remedy="Choose another with --port, or 0 for any free one",
        ) from error


def without_paths(value: Any) -> Any:
    """Return plain data with the places of this machine's files taken out.

    >>> without_paths({"reason": "no /home/me/run-1/POSCAR here", "x": 1})
    {'reason': 'no …/POSCAR here', 'x': 1}
    """
    if isinstance(value, str):
        return _PATH.sub("…/", value)
    if isinstance(value, dict):
        return {key: without_paths(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(inner) for inner in value]
    return value
