"""Write ``docs/results.md`` from the published data of ``docs/data/map`` alone.

``python docs/results.py`` rewrites it; a test compares it with the data. Every verdict
follows from a number by a rule that the page states; nothing here knows a result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from results_page import beside, dynamics, figures, trust
from results_page.published import DATA, DOCS, Published, picture, table
from results_page.statements import (
    CONFIRMED,
    CONTRADICTED,
    RULES,
    UNDECIDED,
    verdicts,
)

FIGURES: dict[str, Callable[[Published], str]] = {
    "Fig. 1: the Li-P-S diagram": figures.fig_1,
    "Fig. 3: motifs": figures.fig_3,
    "Fig. 5: formation energies and gaps": figures.fig_5,
    "Fig. 6: distances of pairs that bind": lambda d: figures.rdfs(
        d, "fig6_rdfs", True
    ),
    "Fig. S1: the other distances": lambda d: figures.rdfs(d, "figS1_rdfs", False),
    "Fig. 7a: nearest crystals": figures.fig_7a,
    "Fig. 7b: classes": figures.fig_7b,
    "Fig. 8a: Arrhenius lines": lambda d: picture(d, "fig8a_arrhenius"),
    "Fig. 8b: density of Li": dynamics.fig_8b,
    "Fig. 9: region of the conductors": figures.fig_9,
    "Fig. S2: mean-squared displacements": dynamics.fig_s2,
    "Table 1: conductivities": dynamics.table_1,
    "Bulk moduli": beside.elasticity,
    "By DFT": beside.dft,
}


def page(folder: Path = DATA) -> str:
    """Return the page made of a folder of published data."""
    data = Published.read(folder)
    code = data.facts["versions"].get("lps-flows", "unknown")
    judged = verdicts(data)
    counts = Counter(verdict.word for verdict in judged)
    parts = [
        "<!-- Written by docs/results.py from docs/data/map. Change nothing here. -->",
        "# Results beside the paper",
        (
            f"The campaign `{data.facts['campaign']}` (`workflows/"
            f"{data.facts['campaign']}.yaml`), energies by {data.facts['method']}, "
            f"lps-flows {code}, beside Guo, Wang, Urban, Artrith, Chem. Mater. 2022 "
            "(doi 10.1021/acs.chemmater.2c00267). `docs/publish.py` wrote the tables, "
            "the lowest structures and the figures of `docs/data/map`, "
            "`docs/results.py` makes this page of them."
        ),
        "## The paper's statements",
        table(
            ("statement", "here", "the number that says so"),
            [(v.statement, f"**{v.word}**", v.number) for v in judged],
        ),
        (
            f"{counts[CONFIRMED]} confirmed, {counts[CONTRADICTED]} contradicted, "
            f"{counts[UNDECIDED]} undecided, of these energies."
        ),
        RULES,
        "## What these numbers cannot know",
        "\n".join(f"- {text}" for text in trust.limits(data)) or "Nothing is named.",
    ]
    for title, part in FIGURES.items():
        parts += [f"## {title}", part(data)]
    parts += ["## Errors of the potential", trust.errors(data)]
    parts += ["## What it took", trust.cost(data)]
    n_files = len(list((folder / "structures").glob("*.cif")))
    parts += [
        "## The data",
        (
            "In `docs/data/map`: `structures.csv` (every structure with its energy), "
            f"`structures/` ({n_files} CIF files, the lowest structure of every "
            "crystal and every glass-ceramic composition on the line), `hull.csv`, "
            "`gaps.csv`, `candidates.csv`, `classes.csv`, `motifs.csv`, "
            "`rdf_peaks.csv`, `runs.csv`, `searches.csv`, `cost.csv`, `campaign.json` "
            "(settings and versions), and, of dynamics, `table_1.csv`."
        ),
    ]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def main() -> None:
    """Write the page."""
    (DOCS / "results.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
