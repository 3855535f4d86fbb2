"""Write requirements.lock and requirements-cuda.lock: every package with its hashes.

    make lock

Reads constraints.txt, where versions are chosen by hand, and asks the registry for the
hashes of their files through uv. The second file holds what PyPI's own build of torch
needs beside itself on Linux; a CPU build needs nothing of it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = "3.11.5"  # the oldest that every pin allows
# The project's own CPU build of torch for Python 3.11 on x86-64 Linux, a tenth of the
# size; it is no file of PyPI's, but 2.13.0+cpu is taken where `torch==2.13.0` is asked.
CPU_TORCH = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
HEADER = "# Made from constraints.txt by `make lock`; not to be edited.\n"


def compiled(source: str, *options: str) -> list[str]:
    """Return one entry per package: its pin and the hashes of its files."""
    command = [sys.executable, "-m", "uv", "pip", "compile", source, *options]
    command += ["--generate-hashes", "--python-version", PYTHON]
    command += ["--no-annotate", "--no-header", "--quiet"]
    done = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return re.split(r"\n(?=[A-Za-z0-9])", done.stdout.strip())


def name(entry: str) -> str:
    return entry.partition("==")[0]


def main() -> None:
    """Write both files."""
    entries = compiled("constraints.txt", "--no-deps")
    locked = [
        entry + f" \\\n    --hash=sha256:{CPU_TORCH}"
        if name(entry) == "torch"
        else entry
        for entry in entries
    ]
    platform = ("--python-platform", "x86_64-manylinux_2_28")
    # constraints.txt as input pins versions; what it does not name is torch's alone
    beside = compiled("constraints.txt", *platform)
    known = {name(entry) for entry in entries}
    cuda = [
        entry
        for entry in beside
        if name(entry) not in known and re.match(r"cuda|nvidia|triton", name(entry))
    ]
    for file, content in (("", locked), ("-cuda", cuda)):
        text = HEADER + "\n".join(content) + "\n"
        (ROOT / f"requirements{file}.lock").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
