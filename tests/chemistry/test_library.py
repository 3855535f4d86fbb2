import numpy as np
import pytest
from pydantic import ValidationError
from pymatgen.core import Composition
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from lps_flows.chemistry import (
    CompositionLine,
    CrystalEntry,
    DisorderedCrystalError,
    InconsistentCrystalError,
    UnknownCrystalError,
    crystal,
    crystals,
    entry,
)

REQUIRED = [
    "Li2S",
    "P2S5",
    "LiPS3",
    "Li2PS3",
    "Li4P2S7",
    "Li7P3S11",
    "alpha-Li3PS4",
    "beta-Li3PS4",
    "gamma-Li3PS4",
    "Li48P16S61",
    "LT-Li7PS6",
    *("Li", "P", "S", "Li3P", "LiP", "Li3P7", "LiP7", "LiP5"),
    *("P4S3", "P4S5", "P4S7", "P4S9", "PS", "P2S3", "P2S7"),
]
ORDERED = [item for item in crystals() if not item.disordered]


def shortest_distances(structure):
    shortest = {}
    first, second, _, distances = structure.get_neighbor_list(5.0)
    symbols = np.array([site.specie.symbol for site in structure])
    for a, b, d in zip(symbols[first], symbols[second], distances, strict=True):
        pair = "-".join(sorted((a, b)))
        shortest[pair] = min(shortest.get(pair, np.inf), d)
    return shortest


@pytest.mark.parametrize("key", REQUIRED)
def test_required_keys_give_ordered_structures(key):
    structure = crystal(key)
    assert structure.is_ordered
    assert len(structure) == entry(key).n_atoms


@pytest.mark.parametrize("item", ORDERED, ids=[item.key for item in ORDERED])
def test_every_structure_agrees_with_its_checks(item):
    structure, checks = item.structure(), item.checks
    assert checks is not None
    composition = structure.composition
    assert composition.reduced_formula == Composition(item.formula).reduced_formula
    expected = Composition(checks.composition)
    # Checks were taken on primitive, conventional or repeated cells.
    assert composition.reduced_formula == expected.reduced_formula
    assert len(structure) == item.n_atoms
    assert structure.density == pytest.approx(checks.density, abs=0.002)
    found = SpacegroupAnalyzer(structure, symprec=0.01).get_space_group_number()
    assert found == checks.space_group_number == item.space_group_number
    shortest = shortest_distances(structure)
    for pair, distance in checks.shortest_distances.items():
        if distance < 5.0:
            assert shortest["-".join(sorted(pair.split("-")))] == pytest.approx(
                distance, abs=0.002
            )


def test_every_entry_names_citation_confidence_and_provenance():
    for item in crystals():
        assert item.citations
        assert item.confidence
        assert item.provenance
        if "Materials Project mp-" in item.provenance:
            assert "CC-BY 4.0" in item.attribution


def test_keys_and_aliases_are_unique():
    names = [name for item in crystals() for name in (item.key, *item.aliases)]
    assert len(names) == len(set(names))
    assert entry("Li7PS6").key == "LT-Li7PS6"


def test_positions_on_the_line():
    assert entry("beta-Li3PS4").x() == 0.75
    assert entry("Li48P16S61").x() is None
    assert entry("P2S5").x(CompositionLine(end_members=("Na2S", "P2S5"))) == 0


@pytest.mark.parametrize("item", [c for c in crystals() if c.disordered])
def test_disordered_entries_name_a_buildable_alternative(item):
    with pytest.raises(DisorderedCrystalError, match=item.ordered_alternative):
        crystal(item.key)
    assert crystal(item.ordered_alternative).is_ordered


def test_unknown_key_suggests_close_ones():
    with pytest.raises(UnknownCrystalError, match="beta-Li3PS4"):
        crystal("beta-Li3PS5")


def test_another_library_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "entries:\n- key: Po\n  formula: Po\n  space_group: Pm-3m\n"
        "  space_group_number: 221\n  lattice: [3.35, 3.35, 3.35, 90, 90, 90]\n"
        "  sites: [{element: Po, wyckoff: 1a, xyz: [0, 0, 0]}]\n"
        "  citations: [{authors: Beamer and Maxwell, journal: J. Chem. Phys., "
        "year: 1946}]\n  confidence: experimental\n  provenance: textbook\n"
    )
    assert [item.key for item in crystals(path)] == ["Po"]
    assert len(crystal("Po", library=path)) == 1


def mine(**changes):
    known = {
        "key": "mine",
        "formula": "Li2S",
        "space_group": "Fm-3m",
        "space_group_number": 225,
        "n_atoms": 12,
        "lattice": [5.7, 5.7, 5.7, 90, 90, 90],
        "sites": [
            {"element": "Li", "wyckoff": "8c", "xyz": [0.25, 0.25, 0.25]},
            {"element": "S", "wyckoff": "4a", "xyz": [0, 0, 0]},
        ],
        "citations": [{"authors": "A", "journal": "B", "year": 1900}],
        "confidence": "none",
        "provenance": "none",
    }
    return CrystalEntry.model_validate(known | changes)


def test_an_entry_whose_sites_are_not_its_crystal_is_refused():
    assert mine().structure().composition.reduced_formula == "Li2S"
    for changes, problem in (
        ({"formula": "LiS"}, "not LiS"),
        ({"n_atoms": 3}, "not 3"),
        ({"space_group_number": 1, "n_atoms": None}, "not Li2S"),
        ({"lattice": [0.57, 0.57, 0.57, 90, 90, 90]}, "per atom"),
    ):
        with pytest.raises(InconsistentCrystalError, match=problem):
            mine(**changes).structure()
    rounded = {"element": "S", "wyckoff": "2c", "xyz": [0.333, 0.667, 0.555]}
    with pytest.raises(InconsistentCrystalError, match="apart"):
        mine(
            formula="S",
            n_atoms=None,
            space_group_number=194,
            lattice=[6, 6, 6.6, 90, 90, 120],
            sites=[rounded],
        ).structure()


def test_partly_occupied_and_decorated_sites_are_no_ordered_entry():
    site = {"element": "Li", "wyckoff": "8c", "xyz": [0.25, 0.25, 0.25]}
    with pytest.raises(ValidationError, match="partly occupied"):
        mine(sites=[site | {"occupancy": 0.5}])
    for element in ("Li+", "7Li", "D"):
        with pytest.raises(ValidationError, match="no element"):
            mine(sites=[site | {"element": element}])
