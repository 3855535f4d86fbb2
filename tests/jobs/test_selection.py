"""What the selecting job takes into dynamics, on the toy campaign."""

from __future__ import annotations

from typing import Any

import pytest
from jobflow import JobStore

from lps_flows.chemistry import crystal
from lps_flows.engines import EngineSettings
from lps_flows.flows.conductivity import ConductivityFlowMaker
from lps_flows.jobs.selection import SelectionMaker, SelectionSettings
from lps_flows.schemas import Provenance, StructureDocument
from lps_flows.schemas.selection import SelectionDocument
from tests.builders.test_agreement import _sampling
from tests.builders.toy_campaign import (
    CAMPAIGN,
    FORMATION,
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
    store: JobStore, uuids: dict[str, str], **settings: Any
) -> SelectionDocument:
    def output(name: str) -> StructureDocument:
        return StructureDocument.from_store(store.get_output(uuids[name], load=True))

    glasses = [name for name in uuids if name not in {*FORMATION, "set"}]
    job = SelectionMaker(
        conductivity=ConductivityFlowMaker(engine=EngineSettings(name="chgnet")),
        settings=SelectionSettings(references=(), **settings),
        clusters=SETTINGS.clusters,
    ).make(
        {key: output(key) for key in FORMATION},
        {key: uuids[key] for key in FORMATION},
        [_sampling(uuids[name], output(name)) for name in glasses],
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
    selection = _select(
        job_store, uuids, n_candidates=0, compositions=("Li4P2S6", "Li38P24S79")
    )
    (chosen,) = selection.selected
    assert (chosen.label, chosen.reason) == ("gc-Li2PS3", "named")
    assert chosen.structure_uuid == ids[1]
    assert chosen.energy_above_hull is None
    assert selection.missing == ["Li38P24S79"]
    assert "Li2PS3" not in {verdict.formula_pretty for verdict in selection.criteria}
