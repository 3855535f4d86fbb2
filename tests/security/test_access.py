"""Nobody but its owner gets into the private server and the home."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from fireworks import LaunchPad
from jobflow import JobStore
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from typer.testing import CliRunner

from lps_flows.cli import app
from lps_flows.runner import (
    Home,
    PrivateMongod,
    Workplace,
    doctor,
    find_mongod,
    open_workplace,
    privacy,
    write_configuration,
)
from lps_flows.runner.loopback import ServerError
from lps_flows.runner.mongod_process import mongod_command

NOBODY = 65534
LAUNCHPAD = "lps_flows_launchpad"


def stranger(server: PrivateMongod) -> MongoClient[dict[str, Any]]:
    return MongoClient(server.bind_ip, server.port, directConnection=True)


ATTEMPTS: dict[str, Callable[[MongoClient], object]] = {
    "list databases": lambda client: client.list_database_names(),
    "list collections": lambda client: client[LAUNCHPAD].list_collection_names(),
    "read": lambda client: client[LAUNCHPAD].fireworks.find_one({}),
    "count": lambda client: client["lps_flows"].docs.count_documents({}),
    "write": lambda client: client[LAUNCHPAD].fireworks.insert_one({"fw_id": 1}),
    "delete": lambda client: client["lps_flows"].docs.delete_many({}),
    "read the users": lambda client: client.admin["system.users"].find_one({}),
    "be the first user": lambda client: client.admin.command(
        "createUser", "me", pwd="me", roles=["root"]
    ),
    "change the set": lambda client: client.admin.command("replSetGetConfig"),
    "stop the server": lambda client: client.admin.command("shutdown"),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_without_a_password_nothing_can_be_done(
    mongod: PrivateMongod, attempt: str
) -> None:
    with stranger(mongod) as client, pytest.raises(OperationFailure) as caught:
        ATTEMPTS[attempt](client)
    assert caught.value.code == 13  # unauthorized


@pytest.mark.parametrize(
    ("user", "where"), [("root", "admin"), ("__system", "local"), (None, "admin")]
)
def test_a_wrong_password_is_refused(
    mongod: PrivateMongod, user: str | None, where: str
) -> None:
    known = mongod.credentials
    assert known is not None
    with (
        MongoClient(
            mongod.bind_ip,
            mongod.port,
            username=user or known.user,
            password="guessed",
            authSource=where,
        ) as client,
        pytest.raises(OperationFailure, match="Authentication failed"),
    ):
        client.list_database_names()


def test_nobody_can_be_first_while_it_starts(tmp_path: Path) -> None:
    """The first user is made with the key: there is no moment without one."""
    server = PrivateMongod(tmp_path / "home")
    server._make_folder()
    from lps_flows.runner.credentials import make_credentials

    make_credentials(server.folder)
    server._remember(server._free_port())
    server._launch()
    try:
        for attempt in ("be the first user", "write"):
            with stranger(server) as client, pytest.raises(OperationFailure):
                ATTEMPTS[attempt](client)
        initiate = {"_id": "rs0", "members": [{"_id": 0, "host": "127.0.0.1:1"}]}
        with stranger(server) as client, pytest.raises(OperationFailure):
            client.admin.command("replSetInitiate", initiate)
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine(mongod: PrivateMongod) -> None:
    home = mongod.folder.parent
    write_configuration(Home(home), mongod)
    Home(home).launches("demo")
    Home(home).folder("logs")
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        seen = 0
        for path in (home, home / "config/my_launchpad.yaml", home / "mongod/key"):
            with suppress(PermissionError):
                seen |= bool(list(path.iterdir()) if path == home else path.read_text())
        os._exit(seen)
    assert os.waitpid(child, 0)[1] == 0


def secrets_of(server: PrivateMongod) -> list[str]:
    known = server.credentials
    assert known is not None
    assert len(known.password) > 30
    return [known.password, known.key]


def test_the_password_is_shown_nowhere(
    fresh_mongod: PrivateMongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LPS_FLOWS_HOME", str(fresh_mongod.folder.parent))
    printed = [
        CliRunner().invoke(app, ["db", *verb]).output
        for verb in (["start"], ["status"], ["status", "--json"], ["env"])
    ]
    with fresh_mongod.client() as client:
        client.admin.command("ping")
    # what every user of the machine can see of the server
    command_line = Path(f"/proc/{fresh_mongod.pid}/cmdline").read_text()
    everything = "\n".join(
        [
            *printed,
            command_line,
            fresh_mongod.log_file.read_text(),
            repr(fresh_mongod.credentials),
            repr(fresh_mongod.status()),
        ]
    )
    assert str(fresh_mongod.port) in everything
    for secret in secrets_of(fresh_mongod):
        assert secret not in everything


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_what_is_made_is_its_owners_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        home = Home(tmp_path / "home")
        server = PrivateMongod(home.path)
        server.start()
        try:
            write_configuration(home, server)
        finally:
            server.stop()
        home.launches("demo")
        home.folder("logs")
        home.lock("run-demo")
    finally:
        os.umask(before)
    for path in (home.path, *home.path.rglob("*")):
        if path.parts[-2:] == ("mongod", "pid") or "db" in path.parts[:-1]:
            continue  # mongod's own
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & 0o077, path
        assert mode == 0o700 or not path.is_dir(), path
    assert doctor.check_private(home).ok


def test_what_was_open_before_is_closed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for folder in (home.path, home.path / "launches", home.path / "launches" / "demo"):
        folder.mkdir()
        folder.chmod(0o755)
    assert not doctor.check_private(home).ok
    home.launches("demo")
    assert doctor.check_private(home).ok
    for name in ("", "launches", "launches/demo"):
        assert stat.S_IMODE((home.path / name).stat().st_mode) == 0o700


@pytest.mark.parametrize("opened", ["logs", "mongod/user.json", "config/jobflow.yaml"])
def test_doctor_sees_what_others_may_enter(
    fresh_mongod: PrivateMongod, opened: str
) -> None:
    home = Home(fresh_mongod.folder.parent)
    write_configuration(home, fresh_mongod)
    home.folder("logs")
    assert doctor.check_private(home).ok
    (home.path / opened).chmod(0o755)
    check = doctor.check_private(home)
    assert not check.ok
    assert check.required
    assert opened in check.detail
    assert "chmod" in check.remedy


def test_doctor_tries_to_get_in(workplace: Workplace) -> None:
    check = doctor.check_strangers(workplace)
    assert check.ok
    assert "refused" in check.detail


def test_generated_files_open_the_server(fresh_mongod: PrivateMongod) -> None:
    folder = write_configuration(Home(fresh_mongod.folder.parent), fresh_mongod)
    settings = yaml.safe_load((folder / "my_launchpad.yaml").read_text())
    launchpad = LaunchPad.from_dict(settings)
    launchpad.fireworks.insert_one({"fw_id": 1})
    launchpad.connection.close()
    spec = yaml.safe_load((folder / "jobflow.yaml").read_text())["JOB_STORE"]
    store = JobStore.from_dict_spec(spec)
    store.connect()
    document = {"uuid": "a", "index": 1, "output": {"data": "x" * 100}}
    store.update([document], save={"data": ["data"]})
    assert store.get_output("a", load=True) == {"data": "x" * 100}
    store.close()


@contextmanager
def without_users(server: PrivateMongod):
    """Run a server as older versions did."""
    server._make_folder()
    server._remember(server._free_port())
    program = find_mongod()
    assert program is not None
    words = mongod_command(program, server.folder, server.bind_ip, server.port, 0.25)
    start = words.index("--auth")
    del words[start : start + 5]
    subprocess.run(words, check=True, capture_output=True)
    with MongoClient(server.bind_ip, server.port, directConnection=True) as client:
        member = {"_id": 0, "host": f"{server.bind_ip}:{server.port}"}
        client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
        while not client.admin.command("hello")["isWritablePrimary"]:
            time.sleep(0.05)
        client["kept"]["documents"].insert_many([{"n": n} for n in range(100)])
        yield client


def check_upgraded(server: PrivateMongod) -> None:
    assert server.guarded
    with server.client() as client:
        assert client["kept"]["documents"].count_documents({}) == 100
    for attempt in ("list databases", "read", "write"):
        with stranger(server) as client, pytest.raises(OperationFailure):
            ATTEMPTS[attempt](client)


@pytest.fixture
def server(tmp_path: Path):
    made = PrivateMongod(tmp_path / "home")
    yield made
    made.stop()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_old_home_gets_a_user_and_keeps_its_data(
    server: PrivateMongod, how: int
) -> None:
    with without_users(server):
        pass
    assert not server.guarded
    pid = server.pid
    assert pid is not None
    os.kill(pid, how)
    while server.pid is not None:
        time.sleep(0.05)
    launches = server.folder.parent / "launches"
    launches.mkdir()
    launches.chmod(0o755)
    server.start()
    check_upgraded(server)
    assert doctor.check_private(Home(launches.parent)).ok
    server.stop()
    server.start()
    check_upgraded(server)


def test_an_old_server_that_nobody_uses_is_started_anew(server: PrivateMongod) -> None:
    with without_users(server):
        pass
    before = server.pid
    server.start()
    assert server.pid != before
    check_upgraded(server)


def test_an_old_server_waits_for_those_about_to_leave(server: PrivateMongod) -> None:
    with without_users(server) as worker:
        before = server.pid
        leaves = threading.Timer(0.5, worker.close)
        leaves.start()
        server.start()
        leaves.join()
    assert server.pid != before
    check_upgraded(server)


def test_an_old_server_in_use_is_left_to_its_users(server: PrivateMongod) -> None:
    with without_users(server) as worker:
        before = server.pid
        with open_workplace(Home(server.folder.parent)) as place:
            assert "asks nobody for a password" in (place.notice or "")
            assert server.pid == before
            check = privacy.check_strangers(place)
            assert not check.ok
            assert "db stop" in check.remedy
            assert place.job_store.count() == 0
        assert worker["kept"]["documents"].count_documents({}) == 100
    server.stop()
    with open_workplace(Home(server.folder.parent)) as place:
        assert place.notice is None
    check_upgraded(server)


def test_a_lost_user_file_is_made_again(fresh_mongod: PrivateMongod) -> None:
    fresh_mongod.stop()
    before = fresh_mongod.credentials
    (fresh_mongod.folder / "user.json").write_text("{")
    fresh_mongod.start()
    assert fresh_mongod.credentials != before
    with fresh_mongod.client() as client:
        client.list_database_names()


def test_a_key_lost_under_a_running_server(fresh_mongod: PrivateMongod) -> None:
    (fresh_mongod.folder / "key").unlink()
    with pytest.raises(ServerError, match="db stop"):
        fresh_mongod.start()
    fresh_mongod.stop()
    fresh_mongod.start()
    with fresh_mongod.client() as client:
        client.list_database_names()
