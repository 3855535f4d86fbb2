"""Run the notebooks and write what they show as pages of the site.

``make notebooks`` rewrites ``docs/notebooks``: one page for each, with the text that
its cells print and the pictures that they draw. The notebooks themselves are kept
without outputs; a test compares the code of the pages with theirs. After the command
names of notebooks may stand; the second to the fifth want the first before them.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbclient
import nbformat

HERE = Path(__file__).parent
SOURCE = HERE.parent / "notebooks"
PAGES = HERE / "notebooks"
DO_NOT_EDIT = "<!-- Written by docs/notebooks.py from the notebook of this name. -->"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def executed(notebook: Path) -> Any:
    """Return a notebook with the outputs of its cells."""
    book = nbformat.read(notebook, as_version=4)
    resources = {"metadata": {"path": str(SOURCE)}}
    client = nbclient.NotebookClient(
        book,
        timeout=1800,
        iopub_timeout=120,  # on a busy machine pictures come late
        raise_on_iopub_timeout=True,
        resources=resources,
    )
    client.execute()
    for output in (o for cell in book.cells for o in cell.get("outputs", [])):
        # a figure that cannot be drawn fails after its cell, and does not stop the rest
        if output.output_type == "error":
            raise RuntimeError(_COLOURS.sub("", "\n".join(output.traceback)))
    return book


def page(book: Any, name: str) -> tuple[str, dict[str, bytes]]:
    """Return the page of an executed notebook, and its pictures by their file names."""
    parts, pictures = [DO_NOT_EDIT], {}
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(_fenced("python", cell.source))
        if printed := _printed(cell.outputs):
            parts.append(_fenced("text", printed))
        for output in cell.outputs:
            picture = output.get("data", {}).get("image/png")
            if picture is not None:
                file = f"{name}-{len(pictures) + 1}.png"
                pictures[file] = base64.b64decode(picture)
                parts.append(f"![What the cell above draws]({file})")
    return "\n\n".join(parts) + "\n", pictures


def _printed(outputs: Any) -> str:
    """Return what cells print and give back; the error stream is left out."""
    texts = [
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for output in outputs
        if (output.output_type == "stream" and output.name == "stdout")
        or (output.output_type == "execute_result" and "image/png" not in output.data)
    ]
    return _COLOURS.sub("", "".join(texts)).rstrip()


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def main(names: list[str]) -> None:
    """Run the named notebooks, or all, against a server and a folder of their own."""
    chosen = [n for n in sorted(SOURCE.glob("*.ipynb")) if not names or n.stem in names]
    os.environ.pop("MPLBACKEND", None)  # the notebook's own keeps the figures
    with tempfile.TemporaryDirectory() as home:
        os.environ["LPS_FLOWS_HOME"] = home
        PAGES.mkdir(exist_ok=True)
        try:
            for notebook in chosen:
                text, pictures = page(executed(notebook), notebook.stem)
                for old in PAGES.glob(f"{notebook.stem}*"):
                    old.unlink()
                (PAGES / f"{notebook.stem}.md").write_text(text, encoding="utf-8")
                for file, content in pictures.items():
                    (PAGES / file).write_bytes(content)
        finally:
            stop = [Path(sys.executable).parent / "lps-flows", "db", "stop"]
            subprocess.run(stop, check=False)  # noqa: S603


if __name__ == "__main__":
    main(sys.argv[1:])
