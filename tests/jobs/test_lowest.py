"""The lowest structures of a search, and one of them that is lost."""

from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import MemoryStore

from lps_flows.chemistry import CompositionLine, crystal
from lps_flows.foundation import decode
from lps_flows.jobs.calculations import failing_through
from lps_flows.jobs.lowest import LowestSettings, compare_energies
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.schemas import Provenance, StructureDocument
from tests.engines.stub import stub_engine


@job
def energies(relaxed):
    return [None if entry is None else entry.energy for entry in relaxed]


def test_a_lost_relaxation_is_left_out_and_the_others_compared():
    # the second cell has 32 atoms, whose energy is never a number
    cells = [crystal("gamma-Li3PS4"), crystal("gamma-Li3PS4") * (1, 1, 2)]
    relax = ReferenceRelaxMaker(engine=stub_engine(batched=False, bad=32))
    flows = [failing_through(relax.make(c, Provenance(source="ga"))) for c in cells]
    compare = energies([flow.output for flow in flows])
    compare.config.on_missing_references = "none"
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(Flow([*flows, compare]), store=store, create_folders=False, log=False)
    first, second = decode(store.get_output(compare.uuid))
    assert first < 0
    assert second is None


def test_a_sampling_is_of_the_method_that_its_structures_say():
    """An engine on a potential by its job's uuid knows its method where it computes."""
    cell = crystal("gamma-Li3PS4")
    origin = Provenance(source="ga", parent="gamma-Li3PS4", removed="Li2S", n_removed=1)
    relaxed = StructureDocument.of(
        cell, -60.0, origin, method="ann-0123", line=CompositionLine(), relaxed=True
    )
    given = {
        "structure_uuids": ["lost", "there"],
        "method": "ann-49e2ae34-b5c2-42d5-91e8-b7bbd2d4f8e4",
        "potential_method": "ann-4567",
        "provenance": origin,
        "formula": relaxed.formula,
        "x": relaxed.x,
        "ann_energies": [-3.0, -2.9],
        "ann_stds": [None, None],
        "best_energies": [-3.0],
        "still_falling": False,
        "settings": LowestSettings(),
    }
    assert compare_energies.original([None, relaxed], **given).method == "ann-0123"
    nothing = compare_energies.original([None, None], **given)
    assert nothing.method == given["method"]
