"""A campaign at a glance says what a look at everything says, and only when it may."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lps_flows.jobs.evaluations import COUNTED
from lps_flows.runner import (
    Glance,
    Home,
    PrivateMongod,
    Workplace,
    foretell,
    forget,
    glance,
    glance_at,
    keep_for_glances,
    open_workplace,
    submit,
    submitted_as,
)
from lps_flows.schemas.base import Document
from lps_flows.settings import load_campaign
from tests.builders.toy_campaign import fill
from tests.toy_jobs import toy_flow

DEMO = Path(__file__).parents[2] / "workflows" / "demo.yaml"


@pytest.fixture
def place(fresh_mongod: PrivateMongod) -> Iterator[Workplace]:
    """A private server with a submitted campaign, and a toy campaign's documents."""
    with open_workplace(Home(fresh_mongod.folder.parent)) as opened:
        fill(opened.job_store, campaign="demo")
        documents = opened.job_store.docs_store._collection
        documents.update_one(
            {"output.@class": "StructureDocument"},
            {"$set": {"output.n_evaluations": 31}},
        )
        settings = load_campaign(DEMO)
        submit(opened, toy_flow("/dev/null"), "demo", settings.settings_hash, settings)
        yield opened


def everything(place: Workplace) -> Glance:
    foretold = foretell(load_campaign(DEMO))
    return glance(place.job_store, place.launchpad, "demo", foretold)


def kept(place: Workplace, file: Path = DEMO) -> Glance | None:
    settings = load_campaign(file)
    keep_for_glances(place, settings, file, foretell(settings))
    return glance_at(file, place.home)


def test_a_glance_says_what_a_look_at_everything_says(place: Workplace) -> None:
    # nothing is kept of this file yet
    assert glance_at(DEMO, place.home) is submitted_as(DEMO, place.home) is None
    found = kept(place)
    assert found is not None
    assert found == everything(place)
    assert found.progress.total.ready > 0
    assert found.prices["total"].evaluations == 31
    assert found.prices["total"].foretold_evaluations


def test_comments_and_order_do_not_count_but_values_do(
    place: Workplace, tmp_path: Path
) -> None:
    assert kept(place) is not None
    content = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text(yaml.safe_dump(content, sort_keys=True), encoding="utf-8")
    assert glance_at(same, place.home) == everything(place)
    content["engine"]["fmax"] = 0.04
    other.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert glance_at(other, place.home) is None
    # nor is what it foretells kept with a campaign of other settings
    assert kept(place, other) is None
    assert glance_at(DEMO, place.home) is not None


def test_what_another_version_kept_is_not_believed(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kept(place) is not None
    module = sys.modules[keep_for_glances.__module__]
    monkeypatch.setattr(module, "__version__", "0.0.1")
    assert glance_at(DEMO, place.home) is None


@pytest.mark.parametrize("damage", [None, 3, "no JSON"])
def test_what_was_kept_and_is_damaged_is_not_believed(
    place: Workplace, damage: object
) -> None:
    assert kept(place) is not None
    place.require_launchpad().db["campaigns"].update_one(
        {"campaign": "demo"}, {"$set": {"at_a_glance.foretold": damage}}
    )
    assert glance_at(DEMO, place.home) is None
    assert submitted_as(DEMO, place.home) == "demo"


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("own_crystals", {"mine": {"file": "mine.cif"}}),
        ("dataset", {"labelled": ["mine.xyz"]}),
        ("conductivity_engine", {"name": "ann", "potential": "mine.st"}),
    ],
)
def test_files_that_a_campaign_names_are_read_each_time(
    place: Workplace, tmp_path: Path, table: str, named: dict[str, object]
) -> None:
    content = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    content.setdefault(table, {}).update(named)
    (tmp_path / "mine.st").touch()
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    keep_for_glances(place, load_campaign(DEMO), file, {})
    assert glance_at(file, place.home) is None


def test_a_deleted_campaign_is_looked_at_in_full(place: Workplace) -> None:
    assert kept(place) is not None
    launchpad = place.require_launchpad()
    launchpad.workflows.delete_many({})
    launchpad.fireworks.delete_many({})
    assert glance_at(DEMO, place.home) is None
    assert everything(place).deleted
    forget(place, "demo")
    assert not everything(place).deleted


@pytest.mark.parametrize("text", ["", "name: demo\nname: demo\n", "{1: a, b: c}", "[]"])
def test_a_file_that_is_no_campaign_has_no_glance(tmp_path: Path, text: str) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(text, encoding="utf-8")
    assert glance_at(file, Home(tmp_path)) is None


def test_without_a_running_server_there_is_no_glance(tmp_path: Path) -> None:
    assert glance_at(DEMO, Home(tmp_path)) is None
    assert not (tmp_path / "mongod").exists()


def documents(kind: type[Document]) -> set[type[Document]]:
    return {kind}.union(*map(documents, kind.__subclasses__()))


def test_every_document_of_a_calculation_is_counted() -> None:
    load_campaign(DEMO).flow()  # every class is known now
    counting = {
        kind.__name__
        for kind in documents(Document)
        if "n_evaluations" in kind.model_fields
        and kind.__module__.startswith("lps_flows.")
    }
    assert counting - set(COUNTED) == {
        "EvolutionDocument",  # relaxations on the potential
        "PropertyDocument",  # a base
        "StructureRecord",  # what builders copy
        "TransportDocument",  # the sum over its runs
        "TransportRecord",
    }
    assert set(COUNTED) <= counting
