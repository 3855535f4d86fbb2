"""What a build refuses: it names the documents and leaves the old results in place."""

from __future__ import annotations

import pytest
from jobflow import JobStore

from lps_flows.analysis import HullError
from lps_flows.builders import build_all
from lps_flows.schemas.damage import DamagedDocumentError
from tests.builders.toy_campaign import SETTINGS, document, fill, glass, put, read


@pytest.mark.parametrize("end", ["Li2S", "P2S5"])
def test_removed_end_member_is_named_and_old_results_stay(
    filled: tuple[JobStore, dict[str, str]], end: str
) -> None:
    store, uuids = filled
    build_all(store, SETTINGS)
    before = read(store, "phase_diagrams"), read(store, "phase_diagram_entries")
    store.docs_store.remove_docs({"uuid": uuids[end]})
    with pytest.raises(HullError, match=uuids[end]) as caught:
        build_all(store, SETTINGS)
    assert end in str(caught.value)
    assert (
        read(store, "phase_diagrams"),
        read(store, "phase_diagram_entries"),
    ) == before


def test_changed_method_is_named_and_old_results_stay(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    store, uuids = filled
    build_all(store, SETTINGS)
    before = read(store, "phase_diagrams"), read(store, "phase_diagram_entries")
    job = store.query_one({"uuid": uuids["Li2S"]})
    job["output"]["method"] = "another-2.0"
    store.docs_store.update(job, key=["uuid", "index"])
    with pytest.raises(HullError, match=r"another-2\.0") as caught:
        build_all(store, SETTINGS)
    assert uuids["Li2S"] in str(caught.value)
    assert (
        read(store, "phase_diagrams"),
        read(store, "phase_diagram_entries"),
    ) == before


def test_repeated_calculation_of_a_crystal_is_named(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    store, uuids = filled
    original = store.query_one({"uuid": uuids["Li4P2S7"]})
    twin = {k: v for k, v in original.items() if k != "_id"} | {"uuid": "twin-uuid"}
    store.docs_store.update(twin, key=["uuid", "index"])
    with pytest.raises(HullError, match="twin-uuid") as caught:
        build_all(store, SETTINGS)
    assert uuids["Li4P2S7"] in str(caught.value)


def test_repeated_calculation_of_a_glass_is_named(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    store, uuids = filled
    build_all(store, SETTINGS)
    before = read(store, "phase_diagrams"), read(store, "phase_diagram_entries")
    original = store.query_one({"uuid": uuids["beta-Li3PS4-1-0"]})
    twin = {k: v for k, v in original.items() if k != "_id"} | {"uuid": "twin-uuid"}
    store.docs_store.update(twin, key=["uuid", "index"])
    with pytest.raises(HullError, match="twin-uuid") as caught:
        build_all(store, SETTINGS)
    assert uuids["beta-Li3PS4-1-0"] in str(caught.value)
    assert (
        read(store, "phase_diagrams"),
        read(store, "phase_diagram_entries"),
    ) == before
    store.docs_store.remove_docs({"uuid": "twin-uuid"})
    assert build_all(store, SETTINGS)["PhaseDiagramBuilder"] == 0


def test_a_second_run_repeats_nothing_that_entered_twice(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    """The same campaign again, into the same store: each run is a flow of its own."""
    store, _ = filled
    build_all(store, SETTINGS)
    (first,) = read(store, "phase_diagrams")
    jobs = list(store.docs_store.query({}, properties=None))
    for job in jobs:
        again = {k: v for k, v in job.items() if k != "_id"}
        again |= {"uuid": f"again-{job['uuid']}", "hosts": ["maker", "second run"]}
        store.docs_store.update(again, key=["uuid", "index"])
    build_all(store, SETTINGS)
    (both,) = read(store, "phase_diagrams")
    assert both["n_structures"] == 2 * first["n_structures"]
    flows = {found["flow_uuid"] for found in read(store, "structures")}
    assert flows == {None, "second run"}


def test_equal_energies_of_different_structures_are_no_duplicates(
    job_store: JobStore,
) -> None:
    fill(job_store, glasses=1)
    for seed in (50, 51):
        structure, provenance = glass("beta-Li3PS4", 1, seed)
        put(job_store, f"equal-{seed}", document(structure, -0.12, provenance))
    assert build_all(job_store, SETTINGS)["PhaseDiagramBuilder"] > 0


def test_end_member_by_another_method_is_named_in_a_first_build(
    filled: tuple[JobStore, dict[str, str]],
) -> None:
    store, uuids = filled
    job = store.query_one({"uuid": uuids["P2S5"]})
    job["output"]["method"] = "another-2.0"
    store.docs_store.update(job, key=["uuid", "index"])
    with pytest.raises(HullError, match=r"another-2\.0") as caught:
        build_all(store, SETTINGS)
    assert uuids["P2S5"] in str(caught.value)
    assert not read(store, "phase_diagrams")


KINDS = ("StructureDocument", "TransportDocument", "EOSDocument", "SelectionDocument")


@pytest.mark.parametrize("kind", KINDS)
def test_what_other_programs_wrote_is_passed_over(
    filled: tuple[JobStore, dict[str, str]], kind: str
) -> None:
    """A shared store holds classes of other programs that are named as ours."""
    store, _ = filled
    build_all(store, SETTINGS)
    before = read(store, "structures")
    of_another = {"@class": kind, "@module": "other.documents"}
    for number, output in enumerate((of_another, [of_another], [{"@class": kind}])):
        foreign = {"uuid": f"foreign-{number}", "index": 1, "output": output}
        store.docs_store.update(foreign, key=["uuid", "index"])
    assert set(build_all(store, SETTINGS).values()) == {0}
    assert read(store, "structures") == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lacking", ["completed_at", "index", "output.method"])
def test_a_job_that_does_not_say_what_every_job_says_is_named(
    filled: tuple[JobStore, dict[str, str]], kind: str, lacking: str
) -> None:
    store, _ = filled
    job = {
        "uuid": "odd",
        "index": 1,
        "completed_at": "2026-01-01T00:00:00",
        "output": {"@class": kind, "method": "m"},
    }
    holder = job["output"] if lacking == "output.method" else job
    holder.pop(lacking.rpartition(".")[2])
    store.docs_store.update(job, key="uuid")
    with pytest.raises(DamagedDocumentError, match="uuid = 'odd'"):
        build_all(store, SETTINGS)
