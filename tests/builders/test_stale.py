"""What a build leaves behind of an earlier one, and what damage elsewhere costs it."""

from __future__ import annotations

from typing import Any

import pytest
from jobflow import JobStore
from monty.json import jsanitize

from lps_flows.analysis import HullError
from lps_flows.analysis.candidates import CandidateError
from lps_flows.builders import BuildSettings, build_all
from lps_flows.builders.results import read_results
from lps_flows.chemistry import crystal
from lps_flows.schemas import Provenance
from lps_flows.schemas.damage import DamagedDocumentError
from lps_flows.schemas.phonons import PhononDocument, Vibrations
from tests.builders.toy_campaign import CAMPAIGN, SETTINGS, document, fill, put, read


def vibrating(key: str, energy: float, free: list[float]) -> dict[str, Any]:
    """Return the stored phonons of a crystal."""
    structure = crystal(key)
    made = PhononDocument(
        method="m",
        provenance=Provenance(source="crystal", parent=key),
        formula=structure.composition.formula.replace(" ", ""),
        x={"Li2S": 1.0, "P2S5": 0.0}.get(key, 0.75),
        nsites=len(structure),
        energy_per_atom=energy,
        vibrations=Vibrations(
            supercell=(1, 1, 1),
            gamma_only=False,
            n_displacements=1,
            lowest_frequency=0.0,
            imaginary=0.0,
            temperatures=[0.0, 300.0],
            free_energies=free,
        ),
    )
    return jsanitize(made, strict=True, enum_values=True)


def test_phonons_that_ran_again_are_placed_again(job_store: JobStore) -> None:
    fill(job_store)
    for key, energy in {"Li2S": -4.0, "P2S5": -5.0, "beta-Li3PS4": -4.8}.items():
        put(job_store, f"phonons {key}", vibrating(key, energy, [0.0, -0.01]))
    build_all(job_store, SETTINGS)
    again = vibrating("beta-Li3PS4", -4.7, [0.0, -0.03])
    put(job_store, "phonons beta-Li3PS4", again, index=2, second=9)
    build_all(job_store, SETTINGS)
    (beta,) = read(job_store, "free_energies", parent="beta-Li3PS4")
    assert beta["energy_per_atom"] == -4.7
    assert beta["vibrations"]["free_energies"] == [0.0, -0.03]


def test_classes_by_another_element_take_the_place_of_those_before(
    job_store: JobStore,
) -> None:
    fill(job_store)
    build_all(job_store, SETTINGS)
    by_sulfur = SETTINGS.model_dump() | {"fingerprints": {"element": "S"}}
    build_all(job_store, BuildSettings.model_validate(by_sulfur))
    results = read_results(job_store, campaign=CAMPAIGN)
    assert results.model is not None
    assert results.model.element == "S"
    assert {place.element for place in results.places} == {"S"}
    labels = {place.structure_id: place.label for place in results.places}
    judged = [c for c in results.candidates if c.class_label is not None]
    assert judged
    assert all(labels[c.structure_id] == c.class_label for c in judged)


def test_classes_that_can_no_longer_be_told_apart_go(job_store: JobStore) -> None:
    uuids = fill(job_store)
    build_all(job_store, SETTINGS)
    assert read(job_store, "cluster_models")
    left = {"Li2S", "P2S5", "Li", "P", "S"}
    for name, uuid in uuids.items():
        if name not in left:
            job_store.remove_docs({"uuid": uuid})
    for number in range(3):
        copy = document(
            crystal("Li2S"),
            0.01 * (number + 1),
            Provenance(source="crystal", parent="Li2S"),
        )
        put(job_store, f"copy {number}", copy)
    build_all(job_store, SETTINGS)
    assert len(read(job_store, "fingerprints", element="Li")) >= 3
    assert not read(job_store, "cluster_models")
    assert not read(job_store, "clusters")


def test_damage_in_another_campaign_costs_this_one_nothing(
    job_store: JobStore,
) -> None:
    fill(job_store)
    broken = {"@class": "SelectionDocument", "@module": "lps_flows.schemas.selection"}
    put(job_store, "selection", broken | {"method": "m"}, campaign="other")
    build_all(job_store, SETTINGS, campaign=CAMPAIGN)
    assert read(job_store, "candidates")


def test_one_damaged_document_costs_no_other(job_store: JobStore) -> None:
    fill(job_store)
    for key in ("Li2S", "P2S5", "beta-Li3PS4"):
        put(job_store, f"phonons {key}", vibrating(key, -4.5, [0.0, 0.0]))
    for kind, room in {
        "PhononDocument": "phonons",
        "MDRunDocument": "md",
        "SelectionDocument": "selection",
    }.items():
        module = f"lps_flows.schemas.{room}"
        put(job_store, f"broken {kind}", {"@class": kind, "@module": module})
    with pytest.raises(DamagedDocumentError):
        build_all(job_store, SETTINGS)
    assert len(read(job_store, "free_energies")) == 3
    assert read(job_store, "candidates")


def test_what_one_builder_refuses_stops_no_other(job_store: JobStore) -> None:
    fill(job_store)
    for key in ("Li2S", "P2S5", "beta-Li3PS4"):
        put(job_store, f"phonons {key}", vibrating(key, -4.5, [0.0, 0.0]))
    asked = SETTINGS.model_dump() | {"candidates": {"superionic": ["Na3PS4"]}}
    with pytest.raises(CandidateError):
        build_all(job_store, BuildSettings.model_validate(asked))
    assert not read(job_store, "candidates")
    assert len(read(job_store, "free_energies")) == 3


def test_a_cathode_that_cannot_be_computed_costs_no_window(job_store: JobStore) -> None:
    fill(job_store)
    put(
        job_store,
        "Li3P",
        document(crystal("Li3P"), -0.1, Provenance(source="crystal", parent="Li3P")),
    )
    asked = SETTINGS.model_dump() | {"windows": {"against": ["LiCoO2"]}}
    build_all(job_store, BuildSettings.model_validate(asked))
    windows = read(job_store, "windows")
    (of_gamma,) = (w for w in windows if w["parent"] == "gamma-Li3PS4")
    assert of_gamma["window"]["oxidation"] > of_gamma["window"]["reduction"] > 0
    assert "LiCoO2" in of_gamma["note"]
    assert of_gamma["interfaces"] == []


def test_a_glass_over_phases_of_the_settings_reacts_with_its_own_energy(
    job_store: JobStore, module_job_store: JobStore
) -> None:
    """Elements may be crystals of the campaign, or energies in its file."""
    elements = {"Li": 0.0, "P": 0.0, "S": 0.0}
    given = SETTINGS.model_dump() | {"windows": {"phases": elements}}
    energies = []
    for store, settings in (
        (job_store, SETTINGS),
        (module_job_store, BuildSettings.model_validate(given)),
    ):
        uuids = fill(store)
        put(
            store,
            "Li3P",
            document(
                crystal("Li3P"), -0.1, Provenance(source="crystal", parent="Li3P")
            ),
        )
        if store is module_job_store:
            store.remove_docs({"uuid": {"$in": [uuids[key] for key in elements]}})
        build_all(store, settings)
        energies.append(
            {
                window["formula_pretty"]: window["metal_energy"]
                for window in read(store, "windows")
                if window["glass"]
            }
        )
    assert energies[0]
    assert energies[1] == pytest.approx(energies[0], abs=1e-9)


def test_what_is_left_out_is_counted_anew(job_store: JobStore) -> None:
    uuids = fill(job_store, glasses=0)
    late = job_store.query_one({"uuid": uuids["set"]}, load=True)
    job_store.remove_docs({"uuid": uuids["set"]})
    build_all(job_store, SETTINGS)
    (before,) = read(job_store, "phase_diagrams")
    assert before["n_left_out"] == 0
    put(job_store, f"{CAMPAIGN}-set", late["output"])
    build_all(job_store, SETTINGS)
    (after,) = read(job_store, "phase_diagrams")
    assert after["n_left_out"] == 3
    assert after["n_structures"] == before["n_structures"]


def test_a_campaign_that_has_only_begun_costs_no_other_its_diagram(
    job_store: JobStore,
) -> None:
    fill(job_store, glasses=1)
    begun = document(
        crystal("gamma-Li3PS4"),
        0.0,
        Provenance(source="crystal", parent="gamma-Li3PS4"),
        method="vasp-pbe-520",
    )
    put(job_store, "begun", begun, campaign="begun")
    with pytest.raises(HullError, match=r"begun\|vasp-pbe-520"):
        build_all(job_store, SETTINGS)
    (diagram,) = read(job_store, "phase_diagrams")
    assert diagram["campaign"] == CAMPAIGN
    assert read(job_store, "candidates")
