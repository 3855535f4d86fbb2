"""Write requirements.lock and requirements-cuda.lock: every package with its hashes.

    make lock       after a change of a constraints file
    make newest     resolve the newest versions for Python 3.12 and later, then lock

Reads constraints.txt, where the versions for Python 3.11 are chosen by hand, and
constraints-3.12.txt to constraints-3.14.txt, which uv resolves; the hashes of their
files come from the registry through uv. One lock serves all: an entry that is not of
every version of Python says of which it is. The second file holds what PyPI's own build
of torch needs beside itself on Linux; a CPU build needs nothing of it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST = "3.11"
NEWER = ("3.12", "3.13", "3.14")
# uv reads 3.11 as 3.11.0, which is older than what some pins allow.
FULL = {OLDEST: "3.11.5"}
EXTRAS = (
    *("chgnet", "sevennet", "diep", "lammps", "metatomic"),
    *("docs", "notebooks", "dev"),
)
PLATFORM = ("--python-platform", "x86_64-manylinux_2_28")
# chgnet has no wheel above Python 3.12, the others none: these alone are built.
FROM_SOURCE = ("bibtexparser", "chgnet", "nvidia-ml-py3")
# The project's own CPU build of torch for Python 3.11 on x86-64 Linux, a tenth of the
# size; it is no file of PyPI's, but 2.13.0+cpu is taken where `torch==2.13.0` is asked.
CPU_TORCH = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
TORCH = "torch==2.13.0"
HEADER = "# Made from constraints*.txt by `make lock`; not to be edited.\n"
RESOLVED = """\
# The newest versions for Python {version} on x86-64 Linux, resolved from wheels by
# `make newest` (docs/start.md says what of it was run). No wheel: {without}.
"""


def compiled(source: str, version: str, *options: str, stdin: str = "") -> list[str]:
    """Return what uv resolves, one entry per package."""
    command = [sys.executable, "-m", "uv", "pip", "compile", source, *options]
    command += ["--python-version", FULL.get(version, version)]
    command += ["--no-annotate", "--no-header", "--quiet"]
    done = subprocess.run(
        command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, input=stdin
    )
    return re.split(r"\n(?=[A-Za-z0-9])", done.stdout.strip())


def name(entry: str) -> str:
    return entry.partition("==")[0]


def constraints(version: str) -> str:
    return "constraints.txt" if version == OLDEST else f"constraints-{version}.txt"


def resolve(version: str) -> None:
    """Write the newest versions that fit each other and this Python."""
    options = [*PLATFORM, "--only-binary", ":all:", "--constraint", "-"]
    for extra in EXTRAS:
        options += ["--extra", extra]
    for package in FROM_SOURCE:
        options += ["--no-binary", package]
    entries = compiled("pyproject.toml", version, *options, stdin=f"{TORCH}\n")
    # torch's own, which its CPU build does not need
    kept = [e for e in entries if not re.match(r"cuda|nvidia-(?!ml)|triton", name(e))]
    # they build those from source, and this project
    kept += compiled("-", version, "--no-deps", stdin="setuptools\nwheel")
    without = ", ".join(p for p in FROM_SOURCE if version != "3.12" or p != "chgnet")
    head = RESOLVED.format(version=version, without=without)
    text = head + "\n".join(sorted(set(kept))) + "\n"
    (ROOT / constraints(version)).write_text(text, encoding="utf-8")


def marked(entry: str, versions: list[str]) -> str:
    """Return an entry of the lock, with the versions of Python that it is for."""
    pin, _, hashes = entry.partition(" ")
    if len(versions) < 1 + len(NEWER):
        pin += f" ; python_version in '{' '.join(versions)}'"
    return f"{pin} {hashes}"


def main() -> None:
    """Write all files."""
    if sys.argv[1:] == ["--newest"]:
        for version in NEWER:
            resolve(version)
    found: dict[str, list[str]] = {}
    for version in (OLDEST, *NEWER):
        source = constraints(version)
        for entry in compiled(source, version, "--no-deps", "--generate-hashes"):
            found.setdefault(entry, []).append(version)
    locked = [
        marked(entry, versions)
        + (f" \\\n    --hash=sha256:{CPU_TORCH}" if name(entry) == "torch" else "")
        for entry, versions in sorted(found.items())
    ]
    # constraints.txt as input pins versions; what it does not name is torch's alone
    beside = compiled("constraints.txt", OLDEST, *PLATFORM, "--generate-hashes")
    known = {name(entry) for entry in found}
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
