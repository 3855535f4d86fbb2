"""The private mongod: addresses, permissions, crashes, ports."""

from __future__ import annotations

import os
import signal
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lps_flows.runner import Home, PrivateMongod, find_mongod, open_workplace, server
from lps_flows.runner.loopback import ServerError, UnsafeAddressError
from lps_flows.runner.mongod_binary import MongodMissingError


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.4", "::", "example.org"])
def test_refuses_to_listen_beyond_loopback(tmp_path: Path, address: str) -> None:
    with pytest.raises(UnsafeAddressError, match="bind_ip"):
        PrivateMongod(tmp_path, bind_ip=address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost"])
def test_accepts_loopback(tmp_path: Path, address: str) -> None:
    assert PrivateMongod(tmp_path, bind_ip=address).bind_ip == address


def test_listens_on_loopback_only(mongod: PrivateMongod) -> None:
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text().splitlines()[1:]:
            address, state = row.split()[1], row.split()[3]
            if state == "0A" and int(address.split(":")[1], 16) == mongod.port:
                listening.append(address.split(":")[0])
    assert listening == ["0100007F"]


def test_folder_is_private_even_when_it_existed(tmp_path: Path) -> None:
    folder = tmp_path / "mongod"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    PrivateMongod(tmp_path, program=Path("/bin/true"))._make_folder()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "db").stat().st_mode) == 0o700


def test_unknown_before_the_first_start(tmp_path: Path) -> None:
    server = PrivateMongod(tmp_path)
    assert not server.status().running
    assert server.stop() is False
    with pytest.raises(ServerError, match="db start"):
        _ = server.uri


def test_is_a_replica_set_and_starts_once(mongod: PrivateMongod) -> None:
    before = mongod.status()
    assert before.running
    with ThreadPoolExecutor(4) as pool:
        uris = {job.result() for job in [pool.submit(mongod.start) for _ in range(4)]}
    assert uris == {before.address}
    assert mongod.pid == before.pid
    with mongod.client() as client:
        assert client.admin.command("hello")["setName"] == "rs0"


def test_survives_kill_and_restart(fresh_mongod: PrivateMongod) -> None:
    port, pid = fresh_mongod.port, fresh_mongod.pid
    assert pid is not None
    with fresh_mongod.client() as client:
        documents = client.get_database("kept")["documents"]
        documents.insert_many([{"n": n} for n in range(100)])
    os.kill(pid, signal.SIGKILL)
    while fresh_mongod.pid is not None:
        pass
    assert (fresh_mongod.folder / "pid").exists()  # stale, and not believed
    fresh_mongod.start()
    assert fresh_mongod.port == port
    with fresh_mongod.client() as client:
        assert client.get_database("kept")["documents"].count_documents({}) == 100
    assert fresh_mongod.stop() is True
    assert fresh_mongod.stop() is False


def test_pid_of_another_process_is_not_believed(tmp_path: Path) -> None:
    server = PrivateMongod(tmp_path)
    server._make_folder()
    (server.folder / "pid").write_text(f"{os.getpid()}\n")
    assert server.pid is None
    assert server.stop() is False


def test_takes_another_port_when_the_old_one_is_taken(tmp_path: Path) -> None:
    server = PrivateMongod(tmp_path)
    server._make_folder()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        server._remember(taken)
        assert server._free_port() != taken
    assert server._free_port() == taken


def test_a_program_that_fails_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="exit status 1"):
        PrivateMongod(tmp_path, program=Path("/bin/false")).start()


def test_missing_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_mongod", lambda: None)
    with pytest.raises(MongodMissingError, match="db install"):
        PrivateMongod(tmp_path).start()


def test_named_program_must_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LPS_FLOWS_MONGOD", "/nowhere/mongod")
    with pytest.raises(MongodMissingError, match="LPS_FLOWS_MONGOD"):
        find_mongod()
    # nor are files taken in its place
    for name in ("JOBFLOW_CONFIG_FILE", "FW_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MongodMissingError, match="LPS_FLOWS_MONGOD"):
        open_workplace(Home(tmp_path))
    monkeypatch.setenv("LPS_FLOWS_MONGOD", "/bin/true")
    assert find_mongod() == Path("/bin/true")


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "3", "nothing", '{"port": null}', '{"port": "x"}', '{"port": -1}',
     '{"port": 123456}', '{"port": [1]}', '{"port": 1.5}', "\0"],
)  # fmt: skip
def test_a_settings_file_that_says_nothing(tmp_path: Path, text: str) -> None:
    server = PrivateMongod(tmp_path)
    server._make_folder()
    (server.folder / "server.json").write_text(text)
    assert server.port is None
    assert server.status().port is None
    with pytest.raises(ServerError, match="db start"):
        _ = server.uri
    assert server._free_port() > 0


@pytest.mark.parametrize("text", [None, '{"port": 1}', "{"])
def test_a_running_server_is_asked_for_its_port(
    fresh_mongod: PrivateMongod, text: str | None
) -> None:
    port, file = fresh_mongod.port, fresh_mongod.folder / "server.json"
    file.unlink() if text is None else file.write_text(text)
    assert fresh_mongod.port == port
    fresh_mongod.start()
    with fresh_mongod.client() as client:
        client.list_database_names()
