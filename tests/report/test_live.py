"""The live page: loopback, read-only, and it moves."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator

import pytest

from lps_flows.foundation import LpsFlowsError
from lps_flows.report import LiveCampaign, live_server
from lps_flows.report.live import Cached
from lps_flows.runner import Workplace, submit
from tests.report import synthetic
from tests.report.test_browser import wait_for
from tests.toy_jobs import number


@pytest.fixture
def served(workplace: Workplace) -> Iterator[tuple[Workplace, int]]:
    synthetic.put_crystals(workplace.job_store, {"Li2S": 0.0, "P2S5": 0.0})
    with live_server(LiveCampaign(workplace, synthetic.CAMPAIGN)) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield workplace, server.server_address[1]
        server.shutdown()
        thread.join()


def ask(
    port: int, path: str, method: str = "GET", host: str | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_state_tells_what_the_store_holds(served: tuple[Workplace, int]) -> None:
    status, content = ask(served[1], "/state.json")
    state = json.loads(content)
    assert status == 200
    assert state["n_points"] == 2
    assert state["method"] == synthetic.METHOD
    assert state["stages"] == []


def test_only_reading_and_only_from_here(served: tuple[Workplace, int]) -> None:
    port = served[1]
    assert ask(port, "/state.json", "POST")[0] == 501
    assert ask(port, "/state.json", host="example.org:80")[0] == 403
    assert ask(port, "/../../etc/passwd")[0] == 404
    assert ask(port, "/", "HEAD") == (200, b"")


def test_the_whole_report_is_there(served: tuple[Workplace, int]) -> None:
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


def test_a_taken_port_is_a_users_mistake(served: tuple[Workplace, int]) -> None:
    with pytest.raises(LpsFlowsError, match="--port"):
        live_server(LiveCampaign(served[0], synthetic.CAMPAIGN), served[1])


def test_new_points_appear_by_themselves(
    browser,
    served: tuple[Workplace, int],
    tmp_path,
) -> None:
    workplace, port = served
    job = number(1.0, str(tmp_path / "journal"), "one")
    job.update_metadata({"stage": "crystals"})
    submit(workplace, job, synthetic.CAMPAIGN, "0")
    browser.get(f"http://127.0.0.1:{port}/")
    points = "return document.getElementById('chart').dataset.points"
    wait_for(browser, f"{points} === '2'")
    assert browser.find_element("css selector", ".count").text == "0 of 1"
    synthetic.put_crystals(workplace.job_store)
    wait_for(browser, f"{points} === '8'")
    assert browser.get_log("browser") == []
    browser.get("about:blank")  # or it goes on asking a server that is gone
