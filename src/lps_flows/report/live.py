"""The live page: progress and the phase diagram of a campaign while it runs.

Read-only, on loopback: it answers GET and HEAD on four addresses, takes no
parameters, and refuses requests that name another host (so that a web site cannot
read it through a rebound name).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, ClassVar

from plotly.offline import get_plotlyjs
from pymongo.errors import PyMongoError

from lps_flows.analysis import HullError, HullSettings
from lps_flows.builders import as_far_as_known
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.outputs import relaxed_heads
from lps_flows.report.charts.phase_diagram import phase_diagram_chart
from lps_flows.report.content import gather
from lps_flows.report.launchpad import launchpad_view
from lps_flows.report.page import render_page
from lps_flows.runner import Workplace
from lps_flows.schemas.built import StructureHead
from lps_flows.schemas.results import Results

_FRESH_S = 2.0
_REPORT_FRESH_S = 30.0
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data: blob:; base-uri 'none'; form-action 'none'"
)


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
    """What the live page reads.

    Attributes
    ----------
    workplace
        Stores and LaunchPad.
    campaign
        Name of the campaign.
    line
        End members of its line.
    settings
        The campaign file, shown in the report.
    """

    workplace: Workplace
    campaign: str
    line: HullSettings = field(default_factory=HullSettings)
    settings: dict[str, Any] | None = None
    _read_sets: dict[tuple[str, int], list[StructureHead]] = field(
        default_factory=dict, init=False, repr=False
    )

    def state(self) -> str:
        """Return progress, failures and the phase diagram so far, as JSON."""
        launchpad = self.workplace.launchpad
        view = launchpad_view(launchpad, self.campaign) if launchpad else None
        note, chart, n_points = "", None, 0
        try:
            heads = relaxed_heads(
                self.workplace.job_store, self.campaign, self._read_sets
            )
            results = as_far_as_known(Results(self.campaign), heads, self.line)
        except HullError as error:
            results, note = Results(self.campaign), str(error)
        diagram = results.diagram
        if diagram is not None:
            chart = json.loads(phase_diagram_chart(diagram, results).to_json())
            n_points = len(results.on_line)
        elif not note:
            note = "No relaxed structure on the composition line yet."
        stages = view.progress.stages if view else ()
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

    def report(self) -> str:
        """Return the whole report as it stands now."""
        launchpad = self.workplace.launchpad
        return render_page(
            gather(
                self.workplace.job_store,
                self.workplace.result_store,
                self.campaign,
                line=self.line,
                settings=self.settings,
                launchpad=launchpad_view(launchpad, self.campaign)
                if launchpad
                else None,
            )
        )


def live_server(live: LiveCampaign, port: int = 0) -> ThreadingHTTPServer:
    """Return a server of the live page on 127.0.0.1, not yet serving.

    Parameters
    ----------
    live
        What it shows.
    port
        Port; any free one when 0, see ``server_address``.

    Raises
    ------
    PortError
        When the port is taken or may not be used.
    """
    state = Cached(live.state, _FRESH_S)
    report = Cached(live.report, _REPORT_FRESH_S)
    html, script = "text/html; charset=utf-8", "text/javascript; charset=utf-8"
    assets = files("lps_flows.report") / "assets"

    class Handler(_ReadOnly):
        pages: ClassVar[dict[str, tuple[str, Callable[[], str]]]] = {
            "/": (html, lambda: (assets / "live.html").read_text(encoding="utf-8")),
            "/live.js": (
                script,
                lambda: (assets / "live.js").read_text(encoding="utf-8"),
            ),
            "/plotly.js": (script, get_plotlyjs),
            "/state.json": ("application/json", state.get),
            "/report.html": (html, report.get),
        }

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise PortError(
            f"the port cannot be used ({error.strerror})",
            field="port",
            value=port,
            remedy="Choose another with --port, or 0 for any free one",
        ) from error


class _ReadOnly(BaseHTTPRequestHandler):
    """Answers GET and HEAD on known addresses."""

    pages: ClassVar[dict[str, tuple[str, Callable[[], str]]]] = {}
    server_version = "lps-flows"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay quiet: requests of an open page are no news."""

    def _answer(self, *, body: bool) -> None:
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        page = self.pages.get(self.path.partition("?")[0])
        if host not in {"127.0.0.1", "localhost"}:
            self.send_error(HTTPStatus.FORBIDDEN, "This host name is not served")
            return
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            content = page[1]().encode()
        except (PyMongoError, LpsFlowsError):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "The store does not answer")
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", page[0])
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        if self.path != "/report.html":  # the report carries its own, stricter policy
            self.send_header("Content-Security-Policy", _POLICY)
        self.end_headers()
        if body:
            self.wfile.write(content)
