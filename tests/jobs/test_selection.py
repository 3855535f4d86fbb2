"""What the selecting job takes into dynamics, on the toy campaign."""

from __future__ import annotations

from typing import Any

import pytest
from jobflow import JobStore

from lps_flows.analysis import CandidateSettings
from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings
from lps_flows.flows.conductivity import ConductivityFlowMaker
from lps_flows.jobs.selection import SelectionMaker, SelectionSettings
from lps_flows.jobs.structures import searched_errors
from lps_flows.schemas import Provenance, StructureDocument, StructureSet
from lps_flows.schemas.selection import SelectionDocument
from tests.builders.test_agreement import _sampling
from tests.builders.toy_campaign import (
    CAMPAIGN,
    FORMATION,
    METHOD,
    SETTINGS,
    document,
    fill,
    put,
    rattled,
)


@pytest.fixture
def uuids(job_store: JobStore) -> dict[str, str]:
    return fill(job_store, glasses=1)


def _select(
    store: JobStore,
    uuids: dict[str, str],
    *,
    rule: CandidateSettings | None = None,
    labelled: dict[str, StructureSet | None] | None = None,
    **settings: Any,
) -> SelectionDocument:
    def output(name: str) -> StructureDocument:
        return StructureDocument.from_store(store.get_output(uuids[name], load=True))

    glasses = [name for name in uuids if name not in {*FORMATION, "set"}]
    job = SelectionMaker(
        conductivity=ConductivityFlowMaker(engine=EngineSettings(name="chgnet")),
        settings=SelectionSettings(references=(), **settings),
        clusters=SETTINGS.clusters,
        rule=rule or CandidateSettings(),
    ).make(
        {key: output(key) for key in FORMATION},
        {key: uuids[key] for key in FORMATION},
        [_sampling(uuids[name], output(name)) for name in glasses],
        labelled=labelled,
    )
    job.update_metadata({"campaign": CAMPAIGN})
    response = job.run(store)
    assert isinstance(response.output, SelectionDocument)
    started = [] if response.detour is None else [f.name for f in response.detour]
    assert started == [f"conductivity {s.label}" for s in response.output.selected]
    return response.output


def test_named_compositions_are_run_whatever_the_rule_says(
    job_store: JobStore, uuids: dict[str, str]
) -> None:
    formulas = sorted(v.formula_pretty for v in _select(job_store, uuids).criteria)
    named = formulas[-1]
    doubled = f"{named}{named}"  # any multiple of the formula is the same composition
    selection = _select(
        job_store, uuids, n_candidates=0, compositions=(doubled, "Li38P24S79")
    )
    assert [(s.label, s.reason) for s in selection.selected] == [
        (f"gc-{named}", "named")
    ]
    verdict = next(v for v in selection.criteria if v.formula_pretty == named)
    assert selection.selected[0].structure_uuid == verdict.structure_id
    assert selection.missing == ["Li38P24S79"]


def test_a_glass_without_the_ion_that_moves_is_not_run_and_costs_no_other(
    job_store: JobStore, uuids: dict[str, str]
) -> None:
    glass = document(rattled(crystal("P2S5"), 0), 0.0, Provenance(source="ga"))
    uuids["gc P2S5"] = put(job_store, "gc P2S5", glass)
    selection = _select(job_store, uuids, n_candidates=1, every_nth=1)
    judged = {verdict.formula_pretty for verdict in selection.criteria}
    assert "P2S5" in judged
    moved = {s.label.removeprefix("gc-") for s in selection.selected}
    assert moved == judged - {"P2S5"}
    # nor where it is named
    selection = _select(job_store, uuids, n_candidates=0, compositions=("P2S5",))
    assert (selection.selected, selection.missing) == ([], [])


def test_where_none_is_a_candidate_the_nearest_alone_is_run(
    job_store: JobStore, uuids: dict[str, str]
) -> None:
    none = CandidateSettings(max_e_above_hull=0.0)
    selection = _select(job_store, uuids, rule=none, n_candidates=3)
    assert len(selection.criteria) > 1
    assert not any(verdict.chosen for verdict in selection.criteria)
    (chosen,) = selection.selected
    assert chosen.structure_uuid == selection.criteria[0].structure_id
    assert chosen.reason == "nearest to a candidate"


def test_every_composition_once_along_the_line(
    job_store: JobStore, uuids: dict[str, str]
) -> None:
    for n in (1, 2):
        selection = _select(job_store, uuids, n_candidates=1, every_nth=n)
        by_x = sorted(selection.criteria, key=lambda v: v.x)
        first = selection.criteria[0].formula_pretty
        wanted = {first, *(v.formula_pretty for v in by_x[::n])}
        labels = [s.label for s in selection.selected]
        assert labels[0] == f"gc-{first}"
        assert sorted(labels) == sorted(f"gc-{formula}" for formula in wanted)
        reasons = {s.reason for s in selection.selected[1:]}
        assert reasons == {"along the line"}


def test_a_named_composition_off_the_line_is_run_without_a_verdict(
    job_store: JobStore, uuids: dict[str, str]
) -> None:
    """The rule judges the line alone; what a scan off it reaches can be named."""
    ids = []
    for seed, formation in enumerate((-0.08, -0.09, -0.07)):
        glass = rattled(crystal("Li2PS3"), seed)
        made = document(glass, formation, Provenance(source="ga", parent="Li2PS3"))
        ids.append(put(job_store, f"off the line {seed}", made))
    # lower as a whole and not per atom, and what is no glass-ceramic
    twice = rattled(crystal("Li2PS3") * (1, 1, 2), 3)
    made = document(twice, -0.08, Provenance(source="ga", parent="Li2PS3"))
    put(job_store, "off the line, twice", made)
    given = document(rattled(crystal("Li2PS3"), 4), -0.2, Provenance(source="user"))
    put(job_store, "off the line, of a user", given)
    # energies by another method stand beside these and are not compared
    other = document(
        rattled(crystal("Li2PS3"), 5),
        -0.5,
        Provenance(source="ga", parent="Li2PS3"),
        method="other-1.0",
    )
    put(job_store, "off the line, by another method", other)
    selection = _select(
        job_store, uuids, n_candidates=0, compositions=("Li4P2S6", "Li38P24S79")
    )
    (chosen,) = selection.selected
    assert (chosen.label, chosen.reason) == ("gc-Li2PS3", "named")
    assert chosen.structure_uuid == ids[1]
    assert chosen.energy_above_hull is None
    assert selection.missing == ["Li38P24S79"]
    assert "Li2PS3" not in {verdict.formula_pretty for verdict in selection.criteria}


def test_what_a_set_holds_relaxed_counts_whether_it_converged_or_not(
    job_store: JobStore, uuids: dict[str, str]
) -> None:
    origin = Provenance(source="ga", parent="Li2PS3")
    still, ended = (
        document(rattled(crystal("Li2PS3"), seed), formation, origin, relaxed=relaxed)
        for seed, formation, relaxed in ((0, -0.3, False), (1, -0.1, True))
    )
    ended.converged = False
    entries = [still, ended]
    found = StructureSet(method=still.method, n_structures=2, entries=entries)
    selection = _select(
        job_store,
        uuids,
        n_candidates=0,
        compositions=("Li2PS3",),
        labelled={"a set": found, "none": None},
    )
    assert [s.structure_uuid for s in selection.selected] == ["a set-1"]


def test_errors_are_those_of_one_method(
    job_store: JobStore, uuids: dict[str, str]
) -> None:
    name = next(name for name in uuids if name not in {*FORMATION, "set"})
    stored = job_store.get_output(uuids[name], load=True)
    given = StructureDocument.from_store(stored)
    for method, error in ((METHOD, 0.01), ("other-1.0", 0.5)):
        sampling = _sampling(uuids[name], given).model_copy(
            update={
                "method": method,
                "ann_energies": [-4.0 + error],
                "reference_energies": [-4.0],
            }
        )
        put(job_store, f"sampling by {method}", sampling)
    found = searched_errors(job_store, CAMPAIGN, METHOD)
    assert found.ann == pytest.approx(0.01)
    assert searched_errors(job_store, CAMPAIGN, "other-1.0").ann == pytest.approx(0.5)
