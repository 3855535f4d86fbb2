"""Jumps of stored trajectories: the collection, the section, the files."""

from __future__ import annotations

from jobflow import JobStore
from maggma.stores import MemoryStore

from lps_flows.builders import BuildSettings, build_all, read_results
from lps_flows.plotting.jumps import jump_figure
from lps_flows.report.blocks import Table
from lps_flows.report.sections.jumps import jump_downloads, jump_section
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import MDChunkDocument, MDFrames, MDRunDocument
from tests.analysis.test_jumps import RATE, gas
from tests.builders.toy_campaign import CAMPAIGN, fill, put, read


def stored_run(store: JobStore, chunks: list[str] | None = None) -> str:
    """Put the trajectory of a lattice gas and the document of its run."""
    structure, positions, times = gas(3)
    steps = range(len(times))
    none = PackedArray.pack(0 * times)
    chunk = MDChunkDocument(
        method="toy",
        label="gas",
        temperature=900.0,
        time_step=10.0,
        first_step=0,
        last_step=len(times) - 1,
        n_frames=len(times),
        equilibration=False,
        structure=structure,
        frames=MDFrames(
            steps=PackedArray.pack(list(steps)),
            positions=PackedArray.pack(positions),
            temperatures=none,
            potential_energies=none,
            conserved_energies=none,
        ),
    )
    uuid = put(store, "chunk", chunk)
    run = MDRunDocument(
        method="toy",
        label="gas",
        formula="Li30",
        n_atoms=30,
        volume=structure.volume,
        temperature=900.0,
        time_step=10.0,
        equilibration=0.0,
        production=float(times[-1]),
        frame_interval=10.0,
        n_frames=len(times),
        chunk_uuids=[uuid] if chunks is None else chunks,
        mobile="Li",
        structure=structure,
    )
    return put(store, f"run {chunks}", run)


def test_stored_trajectories_become_jumps_and_a_section() -> None:
    store = JobStore(
        MemoryStore("docs"), additional_stores={"data": MemoryStore("data")}
    )
    store.connect()
    fill(store, glasses=2)
    uuid = stored_run(store)
    lost = stored_run(store, ["nowhere"])
    settings = {"jumps": {"residence": 0.0}, "clusters": {"n_clusters_range": [2, 5]}}
    chosen = BuildSettings.model_validate(settings)
    assert build_all(store, chosen, campaign=CAMPAIGN)["JumpBuilder"] == 2
    assert build_all(store, chosen, campaign=CAMPAIGN)["JumpBuilder"] == 0
    found = {document["jump_id"]: document for document in read(store, "jumps")}
    assert found[lost]["analysis"] is None
    assert "nowhere" in found[lost]["note"]
    analysis = found[uuid]["analysis"]
    assert analysis["dimensions"] == 3
    assert abs(analysis["rate"] - 1000 * RATE) < 4 * analysis["rate_error"]
    results = read_results(store, campaign=CAMPAIGN)
    section = jump_section(results.jumps)
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert table.rows[0][:2] == ("gas", "900")
    assert "nowhere" in section.blocks[-1].text
    (file,) = jump_downloads(results.jumps)
    assert file.content.count(b"\n") == 1 + len(analysis["pairs"])
    rates, lengths = jump_figure(results.jumps).axes
    assert "1/ps" in rates.get_ylabel()
    assert "Å" in lengths.get_xlabel()
