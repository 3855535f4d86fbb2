"""A built campaign and a browser for the tests of the report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from jobflow import JobStore
from maggma.core import Store
from maggma.stores import MemoryStore

from lps_flows.builders.build import build_all, result_store
from lps_flows.report import write_report
from tests.report import synthetic

HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><b>$\\foo$ ../../x"


_OPENED: list[Store] = []


def beside(job_store: JobStore) -> Callable[[str], Store]:
    """Return what gives the collections beside a job store, closed in the end."""

    @cache
    def where(name: str) -> Store:
        store = result_store(job_store, name)
        store.connect()
        _OPENED.append(store)
        return store

    return where


@pytest.fixture(scope="package", autouse=True)
def _close_stores() -> Iterator[None]:
    yield
    for store in _OPENED:
        if not isinstance(store, MemoryStore):  # which is one with the job store
            store.close()
    _OPENED.clear()


@pytest.fixture(scope="package")
def built(package_job_store: JobStore) -> JobStore:
    """A synthetic campaign with everything the builders make of it."""
    synthetic.put_all(package_job_store)
    synthetic.put(
        package_job_store,
        f"evil {HOSTILE}",
        "sampling",
        synthetic.hostile_document(HOSTILE),
    )
    build_all(package_job_store, campaign=synthetic.CAMPAIGN)
    return package_job_store


@pytest.fixture(scope="package")
def report_file(built: JobStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the synthetic campaign."""
    return write_report(
        built,
        beside(built),
        synthetic.CAMPAIGN,
        tmp_path_factory.mktemp("report") / "report.html",
        settings={"name": HOSTILE},
    )


@pytest.fixture(scope="package")
def package_job_store(mongod) -> Iterator[JobStore]:
    """A store of the package's own."""
    from tests.conftest import _fresh_store

    yield from _fresh_store(mongod)


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Debian's Chromium, headless; tests that need it are skipped without it."""
    selenium = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--window-size=1280,1000",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(flag)
    service = selenium.ChromeService(driver)
    found = selenium.Chrome(options=options, service=service)
    yield found
    found.quit()
