"""The lowest structures of a search, and one of them that is lost."""

from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import MemoryStore

from lps_flows.chemistry import crystal
from lps_flows.foundation import decode
from lps_flows.jobs.calculations import failing_through
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.schemas import Provenance
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
