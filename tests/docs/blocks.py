"""Code blocks of the documentation: found, prepared, run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r"^(?:<!-- test: (?P<mark>\w+) -->\n)?"
    r"```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class CodeBlock:
    """One fenced block."""

    page: str
    language: str
    code: str
    mark: str | None

    @property
    def commands(self) -> list[str]:
        """Command lines of a console block, those after the prompt."""
        return re.findall(r"^\$ (.+)$", self.code, re.MULTILINE)

    @property
    def executed(self) -> bool:
        """Whether its commands can run here: no queue, no cluster, no hour."""
        return bool(self.commands) and self.mark is None


def pages() -> list[Path]:
    """Return README and every page of the documentation."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> list[CodeBlock]:
    """Return the blocks of a page, in order."""
    return [
        CodeBlock(page.name, found["language"], found["code"], found["mark"])
        for found in _FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


# The same code at a size a test can wait for.
SMALLER: dict[str, list[tuple[str, str]]] = {
    "analysis.md": [('campaign="demo"', 'campaign="synthetic"')],
    "potential.md": [
        ("TrainingSettings(seed=1)", "TrainingSettings(restarts=2, iterations=5)"),
    ],
    "sampling.md": [
        (
            'crystal("beta-Li3PS4"), 128), "Li2S", 3)',
            'crystal("Li3PS4"), 16), "Li2S", 1)',
        ),
        ('crystal("Li3PS4")', 'crystal("beta-Li3PS4")'),
        ("population=32, generations=30", "population=3, generations=1"),
        ("RelaxationSettings()", "RelaxationSettings(max_steps=3)"),
    ],
}


def names_for(page: str, folder: Path) -> dict[str, Any]:
    """Return what a page takes for granted: data of one's own, a trained potential.

    Parameters
    ----------
    page
        Name of the page.
    folder
        Working folder of its code; files are put there.
    """
    from lps_flows.chemistry import crystal
    from lps_flows.potential import TrainingSettings, train_potential, write_xsf

    if page == "engines.md":
        return {"structure": crystal("Li2S")}
    if page == "analysis.md":
        return {"structure": crystal("beta-Li3PS4"), "job_store": _built_campaign()}
    if page not in {"conductivity.md", "potential.md", "sampling.md"}:
        return {}
    rng = np.random.default_rng(0)
    cells, energies = [], []
    (folder / "reference").mkdir()
    for k in range(12):
        cell = crystal("beta-Li3PS4")
        cell.apply_strain(0.005 * (k - 6))
        cell.perturb(0.02, seed=k)
        cells.append(cell)
        energies.append(-140.0 + 0.02 * (k - 6) ** 2)
        write_xsf(
            folder / "reference" / f"{k}.xsf",
            cell,
            energy=energies[-1],
            forces=rng.normal(0, 0.05, (len(cell), 3)),
        )
    result = train_potential(
        cells, energies, TrainingSettings(restarts=1, iterations=3)
    )
    result.potential.save(folder / "potential.safetensors")
    atoms = cells[0].to_ase_atoms(msonable=False)
    return {"atoms": atoms, "batch": [atoms], "names": ["one"]}


def _built_campaign() -> Any:
    """Return a store with a small campaign and what the builders make of it."""
    from jobflow import JobStore
    from maggma.stores import MemoryStore

    from lps_flows.builders import build_all
    from tests.report import synthetic

    data = MemoryStore(key="blob_uuid")
    store = JobStore(MemoryStore(key="uuid"), additional_stores={"data": data})
    store.connect()
    synthetic.put_crystals(store)
    synthetic.put_glasses(store)
    build_all(store, campaign=synthetic.CAMPAIGN)
    return store
