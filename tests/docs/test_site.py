"""The reference pages follow the code, and the site builds without a warning."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.blocks import ROOT
from tests.report.test_browser import wait_for


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("g", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["settings.md", "documents.md", "cli.md"])
def test_reference_pages_are_up_to_date(generate: ModuleType, page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == generate.PAGES[page](), "run python docs/generate.py"


def test_arguments_that_may_be_left_out_are_in_brackets() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert "`lps-flows report FILE [OTHER] [OPTIONS]`" in page
    assert "`lps-flows run FILE [OPTIONS]`" in page


def test_every_key_and_field_is_explained(generate: ModuleType) -> None:
    for page in ("settings.md", "documents.md"):
        rows = [
            line for line in generate.PAGES[page]().splitlines() if line[:3] == "| `"
        ]
        assert rows
        assert not [line for line in rows if line.rstrip().endswith("|  |")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", folder]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_site_builds_without_warnings(site: Path) -> None:
    assert (site / "settings.html").exists()
    assert (site / "troubleshooting.html").exists()
    assert (site / "notebooks" / "07_own_data.html").exists()


@pytest.mark.parametrize(
    "page", ["index.html", "architecture.html", "notebooks/07_own_data.html"]
)
def test_a_page_is_whole_without_a_network(browser, site: Path, page: str) -> None:
    browser.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0}
    browser.execute_cdp_cmd(
        "Network.emulateNetworkConditions", {**offline, "uploadThroughput": 0}
    )
    try:
        browser.get((site / page).as_uri())
        # a diagram that is drawn is a box of its own; before, it is a block of text
        wait_for(browser, "return document.querySelector('pre.mermaid') === null")
        fetched = browser.execute_script(
            "return performance.getEntriesByType('resource').map(r => r.name)"
            ".filter(name => !name.startsWith('file:') && !name.startsWith('data:')"
            " && !name.startsWith('blob:'))"
        )
        pictures = browser.execute_script(
            "return [...document.images].filter(i => i.complete && !i.naturalWidth)"
            ".map(i => i.src)"
        )
        heights = browser.execute_script(
            "return [...document.querySelectorAll('.mermaid')].map(d => d.clientHeight)"
        )
    finally:
        browser.execute_cdp_cmd("Network.disable", {})
    assert fetched == []
    assert pictures == []
    assert len(heights) == (page == "architecture.html")
    assert all(height > 200 for height in heights)
