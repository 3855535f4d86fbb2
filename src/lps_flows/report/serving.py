"""Serve a few pages to one person on a machine that others use too.

Whoever knows the token in the address may read; it is random unless no one is to need
one. Connections are bounded, in number and in time, so that nobody can use up the
process that serves.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import compare_digest, token_urlsafe
from typing import Any
from urllib.parse import urlsplit

from pymongo.errors import PyMongoError

from lps_flows.foundation import LpsFlowsError
from lps_flows.runner.loopback import is_loopback

Pages = Mapping[str, tuple[str, Callable[[], str]]]
"""Content type and maker of each page, by its name in the address."""

MOST_CONNECTIONS = 32
_TO_ASK_S = 10.0
_TO_READ_S = 60.0
_NAMES_OF_LOOPBACK = {"127.0.0.1", "localhost"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data: blob:; base-uri 'none'; form-action 'none'"
)


class PageServer(ThreadingHTTPServer):
    """A read-only server of a few pages.

    Parameters
    ----------
    pages
        What it serves; the first page is named by the empty string.
    own_policy
        Pages that carry a content policy of their own.
    """

    request_queue_size = 16

    def __init__(
        self,
        host: str,
        port: int,
        pages: Pages,
        *,
        own_policy: frozenset[str] = frozenset(),
        open_to_all: bool = False,
    ) -> None:
        self.pages, self.own_policy = pages, own_policy
        self.token = None if open_to_all else token_urlsafe(24)
        self._until: dict[socket.socket, float] = {}
        super().__init__((host, port), _Reader)
        self._host = host
        # by the address that the name led to: loopback has more names than its own
        bound = str(self.server_address[0])
        names = {host.lower(), bound, *_NAMES_OF_LOOPBACK}
        self._names = names if is_loopback(bound) else None

    @property
    def address(self) -> str:
        """What to open in a browser."""
        place = f"http://{self._host}:{self.server_address[1]}/"
        return place if self.token is None else f"{place}{self.token}/"

    def goes_by(self, header: str | None) -> bool:
        """Tell whether a request's Host is a name of this server.

        On loopback no other is answered: a web site may give its own name the address
        of this machine, and its pages would read from here.
        """
        if self._names is None:
            return True
        try:
            return urlsplit(f"//{header or ''}").hostname in self._names
        except ValueError:  # half an IPv6 address
            return False

    def page_name(self, path: str) -> str | None:
        """Return the name of the page that a path asks for; None without the token."""
        path = path.partition("?")[0].removeprefix("/")
        if self.token is None:
            return path
        given, _, name = path.partition("/")
        known = compare_digest(given.encode(), self.token.encode())
        return name if known else None

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, unless there are too many."""
        if len(self._until) >= MOST_CONNECTIONS:
            self.shutdown_request(request)
            return
        self.allow(request, _TO_ASK_S)
        super().process_request(request, client_address)

    def allow(self, connection: socket.socket, seconds: float) -> None:
        """End a connection if it is still there after so long."""
        self._until[connection] = time.monotonic() + seconds

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._until.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End what takes too long; called twice a second while serving."""
        now = time.monotonic()
        for connection, until in list(self._until.items()):
            if now > until:
                self.allow(connection, _TO_READ_S)  # its thread closes it
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of readers who left."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Reader(BaseHTTPRequestHandler):
    """Answers GET and HEAD on known addresses."""

    server: PageServer
    server_version = "lps-flows"
    sys_version = ""
    timeout = _TO_ASK_S

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay quiet: requests of an open page are no news."""

    def _answer(self, *, body: bool) -> None:
        if not self.server.goes_by(self.headers.get("Host")):
            self.send_error(HTTPStatus.FORBIDDEN, "This host name is not served")
            return
        name = self.server.page_name(self.path)
        if name is None:
            why = "The address that `lps-flows serve` printed holds a token"
            self.send_error(HTTPStatus.FORBIDDEN, why)
            return
        if self.path.strip("/") == self.server.token and not self.path.endswith("/"):
            self.send_response(HTTPStatus.PERMANENT_REDIRECT)
            self.send_header("Location", f"/{self.server.token}/")
            self.end_headers()
            return
        page = self.server.pages.get(name)
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.server.allow(self.connection, float("inf"))  # making it is up to us
        try:
            content = page[1]().encode()
        except (PyMongoError, LpsFlowsError):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "The store does not answer")
            return
        self.server.allow(self.connection, _TO_READ_S)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", page[0])
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        if name not in self.server.own_policy:
            self.send_header("Content-Security-Policy", _POLICY)
        self.end_headers()
        if body:
            self.wfile.write(content)
