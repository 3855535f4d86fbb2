"""The notebooks run, in order, against the store that the first one fills.

Their pages show the same code, with outputs that are small and end in a picture.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require_mongod
from tests.docs.blocks import ROOT, blocks

PAGES = ROOT / "docs" / "notebooks"
LARGEST_PICTURE, LARGEST_PAGE = 80_000, 40_000  # bytes
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_stripped(notebook: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.read(notebook, as_version=4)
    nbformat.validate(book)
    for cell in book.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_page_shows_the_notebook_and_ends_in_a_picture(notebook: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    cells = nbformat.read(notebook, as_version=4).cells
    page = PAGES / f"{notebook.stem}.md"
    text = page.read_text(encoding="utf-8")
    shown = [b.code.rstrip() for b in blocks(page) if b.language == "python"]
    code = [cell.source.rstrip() for cell in cells if cell.cell_type == "code"]
    assert shown == code, "run make notebooks"
    for cell in cells:
        assert cell.cell_type == "code" or cell.source in text
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert text.rstrip().endswith(f"({pictures[-1]})")
    assert sorted(pictures) == sorted(
        f.name for f in PAGES.glob(f"{notebook.stem}*.png")
    )
    assert page.stat().st_size < LARGEST_PAGE
    for picture in pictures:
        assert (PAGES / picture).stat().st_size < LARGEST_PICTURE
    assert "Traceback" not in text
    assert str(Path.home()) not in text


@pytest.fixture(scope="module")
def kernel_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    require_mongod()
    home = tmp_path_factory.mktemp("notebooks")
    before = {name: os.environ.get(name) for name in ("LPS_FLOWS_HOME", "MPLBACKEND")}
    os.environ.update(LPS_FLOWS_HOME=str(home), MPLBACKEND="agg")
    yield home
    stop = [Path(sys.executable).parent / "lps-flows", "db", "stop"]
    subprocess.run(stop, capture_output=True, check=False)
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(notebook: Path, kernel_home: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    book = nbformat.read(notebook, as_version=4)
    client = nbclient.NotebookClient(
        book,
        timeout=900,
        kernel_name="python3",
        resources={"metadata": {"path": str(ROOT / "notebooks")}},
    )
    client.execute()
