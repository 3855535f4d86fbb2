"""The page that follows the paper agrees with the campaign, the code and the table."""

from __future__ import annotations

import csv
import importlib
from functools import reduce

import pytest
import yaml

from lps_flows.analysis.literature import literature, of_the_paper
from lps_flows.plan import count_labels
from lps_flows.settings import CampaignSettings, load_campaign
from tests.docs.blocks import ROOT

TEXT = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    section = TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


@pytest.fixture(scope="module")
def settings() -> CampaignSettings:
    return load_campaign(ROOT / "workflows" / "paper.yaml")


def test_every_parameter_is_what_the_file_says(settings: CampaignSettings) -> None:
    dumped = settings.model_dump(mode="json")
    parameters = rows("Parameters")
    assert len(parameters) > 40
    wrong = {
        key: (found, cell)
        for _, _, key, cell in parameters
        if (
            found := reduce(
                lambda at, name: at[name], key.strip("`").split("."), dumped
            )
        )
        != yaml.safe_load(cell.strip("`"))
    }
    assert wrong == {}


def test_every_key_of_the_file_is_on_the_page(settings: CampaignSettings) -> None:
    """Each value the file names is explained, but for lists and choices of ours."""
    named = yaml.safe_load((ROOT / "workflows" / "paper.yaml").read_text("utf-8"))
    on_page = {key.strip("`") for _, _, key, _ in rows("Parameters")}
    ours = {
        *("name", "crystals", "training_crystals", "sampling.scans"),
        *("sampling.n_seeds", "sampling.evolution.n_lowest", "selection.n_candidates"),
        *("dataset.isotropic_strains", "dataset.n_strained", "dataset.n_rattled"),
        *("dataset.n_removed", "dataset.removal_parents", "dataset.n_trajectories"),
        *("dataset.md_chunk_steps", "conductivity.chunk_length"),
        *("training.whitening", "training.weight_decay", "conductivity.npt"),
    }

    def leaves(value: object, path: str = "") -> list[str]:
        if not isinstance(value, dict):
            return [path]
        return [
            leaf
            for name, inner in value.items()
            for leaf in leaves(inner, f"{path}.{name}" if path else name)
        ]

    assert set(leaves(named)) - ours - on_page == set()


def test_about_as_many_structures_are_labelled_as_in_the_paper(
    settings: CampaignSettings,
) -> None:
    count = count_labels(settings)
    assert 5_500 <= count <= 6_500
    assert f"At most {count:,} structures are labelled" in TEXT


@pytest.mark.parametrize(
    "row", rows("Equations, figures and tables"), ids=lambda r: r[0]
)
def test_every_figure_has_its_function(row: list[str]) -> None:
    module, name = row[2].strip("`").rsplit(".", 1)
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("row", rows("Numbers"), ids=lambda r: f"{r[0]} {r[1]}")
def test_every_number_of_the_paper_is_that_of_the_table(row: list[str]) -> None:
    quantity, phase, theirs, ours = row
    known = [v for v in of_the_paper(quantity) if v.phase.split(" ")[0] == phase]
    assert theirs in {value.text or str(value.x) for value in known}
    assert ours


@pytest.mark.parametrize("phase", ["gc-Li42P16S61", "gc-Li38P24S79"])
def test_the_maps_numbers_stand_beside_the_papers(phase: str) -> None:
    """The page said "not run" of what had long been computed."""
    ours = {row[0]: row[3] for row in rows("Numbers") if row[1] == phase}
    (entry,) = (row for row in of_the_map("hull") if row["label"] == phase)
    above = float(entry["energy_above_hull (meV/atom)"])
    assert f"{above:.1f} (7net-l3i5" in ours["energy above hull"]
    measured = {
        row["quantity"]: row["value"]
        for row in of_the_map("table_1")
        if (row["structure"], row["source"]) == (phase, "this work")
    }
    for quantity in ("activation energy", "RT ionic conductivity"):
        value = f"{float(measured[quantity]):.{3 if quantity[0] == 'a' else 0}f}"
        assert f"{value} (ANN of 7net-l3i5" in ours[quantity]


def of_the_map(table: str) -> list[dict[str, str]]:
    with (ROOT / "docs" / "data" / "map" / f"{table}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_no_number_of_the_paper_is_left_out() -> None:
    of_table = {
        (v.quantity, v.phase.split(" ")[0], v.text or str(v.x))
        for v in literature()
        if v.by_the_paper
    }
    assert {tuple(row[:3]) for row in rows("Numbers")} == of_table
