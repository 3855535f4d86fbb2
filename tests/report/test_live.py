"""The live page: loopback, read-only, and it moves."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest
from jobflow import Flow

from lps_flows.foundation import LpsFlowsError
from lps_flows.report import LiveCampaign, live_server
from lps_flows.report.live import Cached, without_paths
from lps_flows.report.serving import MOST_CONNECTIONS, PageServer
from lps_flows.runner import Workplace, run, submit
from lps_flows.runner.loopback import UnsafeAddressError
from tests.report import synthetic
from tests.report.test_browser import console, open_page, wait_for
from tests.toy_jobs import fragile, number


@pytest.fixture
def served(workplace: Workplace) -> Iterator[tuple[Workplace, PageServer]]:
    synthetic.put_crystals(workplace.job_store, {"Li2S": 0.0, "P2S5": 0.0})
    with live_server(LiveCampaign(workplace, synthetic.CAMPAIGN)) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield workplace, server
        server.shutdown()
        thread.join()


def ask(
    server: PageServer,
    path: str,
    method: str = "GET",
    host: str | None = None,
    token: str | None = None,
) -> tuple[int, bytes]:
    port = server.server_address[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    token = server.token if token is None else token
    headers = {"Host": host or f"127.0.0.1:{port}"}
    connection.request(method, f"/{token}{path}", headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_state_tells_what_the_store_holds(served: tuple[Workplace, PageServer]) -> None:
    status, content = ask(served[1], "/state.json")
    state = json.loads(content)
    assert status == 200
    assert state["n_points"] == 2
    assert state["method"] == synthetic.METHOD
    assert state["stages"] == []


def test_only_reading_and_only_from_here(served: tuple[Workplace, PageServer]) -> None:
    server = served[1]
    assert ask(server, "/state.json", "POST")[0] == 501
    assert ask(server, "/state.json", host="example.org:80")[0] == 403
    assert ask(server, "/../../etc/passwd")[0] == 404
    assert ask(server, "/", "HEAD") == (200, b"")


def test_without_the_token_nothing_is_read(
    served: tuple[Workplace, PageServer],
) -> None:
    server = served[1]
    assert server.token
    assert len(server.token) > 30
    assert (
        server.address == f"http://127.0.0.1:{server.server_address[1]}/{server.token}/"
    )
    for guess in ("", "guess", server.token[:-1], server.token + "x", "Å", "%00"):
        guessed = quote(guess)
        for path in ("", "/", "/state.json", "/report.html", "/plotly.js", "/live.js"):
            status, content = ask(server, path, token=guessed)
            assert status == 403
            assert server.token.encode() not in content
    with live_server(LiveCampaign(served[0], synthetic.CAMPAIGN)) as another:
        assert another.token != server.token
    # what a person may leave out
    assert ask(server, "")[0] == 308


def test_open_to_all_is_for_loopback(workplace: Workplace) -> None:
    live = LiveCampaign(workplace, synthetic.CAMPAIGN)
    with live_server(live, open_to_all=True) as server:
        assert server.token is None
        assert server.address == f"http://127.0.0.1:{server.server_address[1]}/"
        assert server.page_name("/state.json?x=1") == "state.json"
    for host in ("0.0.0.0", "192.0.2.1", "example.org"):
        with pytest.raises(UnsafeAddressError, match="--open"):
            live_server(live, host=host, open_to_all=True)
    with live_server(live, host="0.0.0.0") as server:
        assert server.token


@pytest.mark.parametrize(
    ("host", "open_to_all"),
    [
        *product(["127.0.0.1", "127.0.0.2", "localhost"], [False, True]),
        ("127.1", False),
        ("LocalHost", False),
    ],
)
def test_on_loopback_it_goes_by_its_own_names_only(
    workplace: Workplace, host: str, open_to_all: bool
) -> None:
    live = LiveCampaign(workplace, synthetic.CAMPAIGN)
    with live_server(live, host=host, open_to_all=open_to_all) as server:
        for name in (host, "127.0.0.1", "localhost", "LOCALHOST"):
            assert server.goes_by(f"{name}:8300")
            assert server.goes_by(name)  # browsers leave :80 out
        for name in ("evil.example", "evil.example:80", "", None, "[::1", ":80"):
            assert not server.goes_by(name)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "::1"])
def test_an_address_of_no_one_here_is_named(workplace: Workplace, host: str) -> None:
    live = LiveCampaign(workplace, synthetic.CAMPAIGN)
    with pytest.raises(LpsFlowsError, match="--host") as caught:
        live_server(live, host=host)
    assert (caught.value.field, caught.value.value) == ("host", host)


def test_half_open_connections_are_few_and_end(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 of them held a thread each for as long as they liked."""
    monkeypatch.setattr("lps_flows.report.serving._TO_ASK_S", 1.0)
    before = threading.active_count()
    with live_server(LiveCampaign(workplace, synthetic.CAMPAIGN)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        held = []
        for number_of in range(400):
            one = socket.create_connection(server.server_address[:2], timeout=20)
            if number_of % 2:
                one.send(b"GET / HTTP/1.1\r\nHost: ")
            held.append(one)
        wait_until(lambda: threading.active_count() <= before + 1 + MOST_CONNECTIONS)
        # a byte now and then does not keep a connection
        ended = time.monotonic() + 10
        while time.monotonic() < ended and threading.active_count() > before + 1:
            for one in held:
                with contextlib.suppress(OSError):
                    one.send(b"x")
            time.sleep(0.2)
        assert threading.active_count() <= before + 1
        assert ask(server, "/live.js")[0] == 200
        for one in held:
            one.close()
        server.shutdown()
        thread.join()


def wait_until(what: Callable[[], bool], timeout_s: float = 20) -> None:
    ended = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < ended
        time.sleep(0.05)


def test_the_page_names_no_place_of_the_machine(
    workplace: Workplace, tmp_path: Path
) -> None:
    flow = Flow([fragile("side", str(tmp_path / "journal"), str(tmp_path / "switch"))])
    flow.update_metadata({"stage": "crystals"})
    (failure,) = run(workplace, flow, synthetic.CAMPAIGN, "0").failures
    assert str(tmp_path) in failure.reason
    synthetic.put_crystals(workplace.job_store, {"Li2S": 0.0, "P2S5": 0.0})
    settings = {"parents": [str(tmp_path / "own.cif")], "name": "x"}
    live = LiveCampaign(workplace, synthetic.CAMPAIGN, settings=settings)
    for text in (live.state(), live.report()):
        assert "switch" in text  # what it lacks is told, where it lies is not
        for place in (tmp_path, workplace.home.path, Path.home()):
            assert f"{place}/" not in text


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("no '/home/me/x y.cif'", "no '…/x y.cif'"),
        ("~/runs/a.yaml: /tmp/b/c", "…/a.yaml: …/c"),
        ("see https://doi.org/10.1/x and 3 N/mm/s", None),
        ("Li/P/S", None),
    ],
)
def test_paths_in_a_text(told: str, shown: str | None) -> None:
    assert without_paths(told) == (shown or told)


def test_the_whole_report_is_there(served: tuple[Workplace, PageServer]) -> None:
    status, content = ask(served[1], "/report.html")
    assert status == 200
    assert b"Provisional" in content


def test_what_takes_long_is_made_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("lps_flows.report.live.time.monotonic", lambda: now[0])
    made = []

    def make() -> str:
        now[0] += 5.0
        made.append(now[0])
        return str(now[0])

    value = Cached(make, fresh_s=2.0)
    assert value.get() == value.get() == "5.0"
    now[0] = 49.0  # a tenth of the time, and no more
    assert value.get() == "5.0"
    now[0] = 51.0
    assert value.get() == "56.0"
    assert len(made) == 2


def test_a_taken_port_is_a_users_mistake(served: tuple[Workplace, PageServer]) -> None:
    with pytest.raises(LpsFlowsError, match="--port"):
        live_server(
            LiveCampaign(served[0], synthetic.CAMPAIGN), served[1].server_address[1]
        )


def test_new_points_appear_by_themselves(
    browser,
    served: tuple[Workplace, PageServer],
    tmp_path,
) -> None:
    workplace, server = served
    job = number(1.0, str(tmp_path / "journal"), "one")
    job.update_metadata({"stage": "crystals"})
    submit(workplace, job, synthetic.CAMPAIGN, "0")
    open_page(browser, server.address)
    points = "return document.getElementById('chart').dataset.points"
    wait_for(browser, f"{points} === '2'")
    assert browser.find_element("css selector", ".count").text == "0 of 1"
    synthetic.put_crystals(workplace.job_store)
    wait_for(browser, f"{points} === '8'")
    assert console(browser) == []
    browser.get("about:blank")  # or it goes on asking a server that is gone
