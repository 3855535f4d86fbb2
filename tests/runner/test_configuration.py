"""Whose servers are used."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from lps_flows.builders import build_all
from lps_flows.cli import app
from lps_flows.runner import Home, PrivateMongod, open_workplace
from lps_flows.runner.configuration import (
    ConfigurationError,
    choose,
    environment,
    launchpad_settings,
    store_settings,
)
from lps_flows.runner.workplace import UnreachableError
from lps_flows.settings import CampaignSettings
from tests.builders.toy_campaign import SETTINGS, fill
from tests.toy_jobs import toy_flow


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    for name in ("JOBFLOW_CONFIG_FILE", "FW_CONFIG_FILE", "LPS_FLOWS_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def configure(
    server: PrivateMongod, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Write a user's own files in `folder` and name them in the environment."""
    folder.mkdir()
    launchpad = {**launchpad_settings(server), "name": "test_configured_launchpad"}
    store = store_settings(server, "test_configured")
    files = {
        "my_launchpad.yaml": launchpad,
        "FW_config.yaml": {"LAUNCHPAD_LOC": str(folder / "my_launchpad.yaml")},
        "jobflow.yaml": {"JOB_STORE": store},
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content))
    monkeypatch.setenv("JOBFLOW_CONFIG_FILE", str(folder / "jobflow.yaml"))
    monkeypatch.setenv("FW_CONFIG_FILE", str(folder / "FW_config.yaml"))


def test_the_private_server_is_the_default(home: Home) -> None:
    assert choose(home).source == "private"
    assert not home.path.exists()  # choosing makes nothing


def test_home_follows_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Home().path == tmp_path / "user" / ".lps_flows"
    monkeypatch.setenv("LPS_FLOWS_HOME", str(tmp_path / "elsewhere"))
    assert Home().path == tmp_path / "elsewhere"


def test_db_env_still_means_the_private_server(
    fresh_mongod: PrivateMongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(fresh_mongod.folder.parent)
    with open_workplace(home) as workplace:
        assert workplace.source == "private"
        for name, value in environment(home).items():
            assert Path(value).is_file()
            monkeypatch.setenv(name, value)
    assert choose(home).source == "private"
    fresh_mongod.stop()
    with open_workplace(home) as workplace:  # starts it again
        assert workplace.source == "private"
        results = workplace.result_store("motifs")
        results.update([{"structure_id": "a"}])
        assert results.database == workplace.job_store.docs_store.database
        assert results.count() == 1
        results.close()


def test_configured_servers_are_used(
    home: Home, mongod: PrivateMongod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(mongod, tmp_path / "mine", monkeypatch)
    with open_workplace(home) as workplace:
        assert workplace.source == "configured"
        assert workplace.server is None
        assert workplace.launchpad.name == "test_configured_launchpad"
        assert workplace.job_store.docs_store.database == "test_configured"
        for name in ("test_configured_launchpad", "test_configured"):
            workplace.launchpad.connection.drop_database(name)
    assert not (home.path / "mongod").exists()


@pytest.mark.usefixtures("default_engine")
@pytest.mark.parametrize("whose", ["private", "configured"])
def test_submit_names_what_the_private_server_needs_for_it_alone(
    fresh_mongod: PrivateMongod,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whose: str,
) -> None:
    monkeypatch.setenv("LPS_FLOWS_HOME", str(fresh_mongod.folder.parent))
    monkeypatch.setattr(CampaignSettings, "flow", lambda _: toy_flow("/dev/null"))
    if whose == "configured":
        configure(fresh_mongod, tmp_path / "mine", monkeypatch)
    demo = Path(__file__).parents[2] / "workflows" / "demo.yaml"
    done = CliRunner().invoke(app, ["submit", str(demo)])
    assert "rlaunch rapidfire" in done.stdout, done.output
    assert ("db env" in done.stdout) is (whose == "private")


@pytest.mark.parametrize("kind", ["MongoStore", "MongoURIStore"])
@pytest.mark.filterwarnings("ignore:MongoURIStore is deprecated")
@pytest.mark.filterwarnings("ignore:GridFSURIStore is deprecated")
def test_a_store_may_be_named_by_its_uri(
    home: Home,
    mongod: PrivateMongod,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database: str,
    kind: str,
) -> None:
    configure(mongod, tmp_path / "mine", monkeypatch)
    uri = mongod.uri.replace("/?", f"/{database}?")
    grid = {"MongoStore": "GridFSStore", "MongoURIStore": "GridFSURIStore"}[kind]
    docs = {"type": kind, "uri": uri, "database": None, "collection_name": "docs"}
    data = {**docs, "type": grid, "collection_name": "data"}
    store = {"docs_store": docs, "additional_stores": {"data": data}}
    (tmp_path / "mine" / "jobflow.yaml").write_text(
        yaml.safe_dump({"JOB_STORE": store})
    )
    with open_workplace(home) as workplace:
        fill(workplace.job_store)
        written = build_all(workplace.job_store, SETTINGS)
        structures = workplace.result_store("structures")
        assert structures.count() == written["StructureBuilder"] > 0
        assert structures.database == database
        structures.close()
        # what `mrun` reads back
        again = type(structures).from_dict(structures.as_dict())
        again.connect()
        assert again.count() == written["StructureBuilder"]
        again.close()
        workplace.launchpad.connection.drop_database("test_configured_launchpad")


@pytest.mark.parametrize("only", ["JOBFLOW_CONFIG_FILE", "FW_CONFIG_FILE"])
def test_half_a_configuration_is_refused(
    home: Home,
    mongod: PrivateMongod,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    only: str,
) -> None:
    configure(mongod, tmp_path / "mine", monkeypatch)
    other = {"JOBFLOW_CONFIG_FILE": "FW_CONFIG_FILE"}.get(only, "JOBFLOW_CONFIG_FILE")
    monkeypatch.delenv(only)
    with pytest.raises(ConfigurationError, match=only):
        choose(home)
    monkeypatch.setenv(only, "/nowhere.yaml")
    with pytest.raises(ConfigurationError, match="no such file"):
        choose(home)
    monkeypatch.delenv(only)
    monkeypatch.delenv(other)
    assert choose(home).source == "private"


@pytest.mark.parametrize(
    "text",
    [
        "JOB_STORE: [",
        "just text",
        "JOB_STORE: {docs_store: {type: NoSuchStore}}",
        "JOB_STORE: {docs_store: {type: MemoryStore}}",
        "{}",
    ],
)
def test_stores_no_worker_can_use_are_refused(
    home: Home,
    mongod: PrivateMongod,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    configure(mongod, tmp_path / "mine", monkeypatch)
    (tmp_path / "mine" / "jobflow.yaml").write_text(text)
    with pytest.raises(ConfigurationError):
        open_workplace(home)


def test_a_launchpad_in_place_of_its_path_is_not_quoted(
    home: Home, mongod: PrivateMongod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(mongod, tmp_path / "mine", monkeypatch)
    inline = {"LAUNCHPAD_LOC": {"host": "db", "password": "s3cret"}}
    (tmp_path / "mine" / "FW_config.yaml").write_text(yaml.safe_dump(inline))
    with pytest.raises(ConfigurationError, match="LAUNCHPAD_LOC") as refused:
        choose(home)
    assert "s3cret" not in f"{refused.value} {refused.value.value}"


def test_an_unreachable_server_is_a_typed_error(
    home: Home, mongod: PrivateMongod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(mongod, tmp_path / "mine", monkeypatch)
    monkeypatch.setattr("lps_flows.runner.workplace._PATIENCE_S", 0.5)
    for name in ("my_launchpad.yaml", "jobflow.yaml"):
        file = tmp_path / "mine" / name
        file.write_text(file.read_text().replace(f"port: {mongod.port}", "port: 1"))
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1"):
        open_workplace(home)
