"""What is labelled of guarded dynamics: frames of doubt, and of runs that broke."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lps_flows.analysis.trajectory import EmptyTrajectoryError
from lps_flows.jobs.references import ResolvedReference
from lps_flows.jobs.trajectory import join_chunks, kept_positions
from lps_flows.jobs.transport import AnalyseRunMaker
from lps_flows.jobs.unsure import GuardSettings, UnsureFramesMaker
from lps_flows.schemas.arrays import PackedArray
from lps_flows.schemas.md import MDChunkDocument, MDRunDocument
from lps_flows.schemas.reference import UnlabelledSet
from tests.potential.toy import random_potential
from tests.toy_jobs import FRAME_FS, long_chunk

GUARD = GuardSettings(max_energy_std=1e3, n_frames=6)


def picked(
    run: MDRunDocument, chunks: list[MDChunkDocument], guard: GuardSettings = GUARD
) -> UnlabelledSet:
    return picked_of([(run, chunks)], guard)


def picked_of(
    runs: list[tuple[MDRunDocument, list[MDChunkDocument]]], guard: GuardSettings
) -> UnlabelledSet:
    maker = UnsureFramesMaker(settings=guard)
    potential = random_potential(members=2, radial_cutoff=4.0, angular_cutoff=3.0)
    given = [(run, handed(chunks)) for run, chunks in runs]
    return maker.make.original(maker, given, potential)


def handed(chunks: list[MDChunkDocument]) -> list[ResolvedReference]:
    return [ResolvedReference(str(k), (), chunk) for k, chunk in enumerate(chunks)]


def analysed(chunks: list[MDChunkDocument]) -> MDRunDocument:
    maker = AnalyseRunMaker()
    last = chunks[-1]
    run: MDRunDocument = maker.make.original(
        maker,
        last.structure,
        handed(chunks),
        last.last_step,
        label="glass",
        method="toy",
        temperature=900.0,
        equilibration=60 * FRAME_FS,
        time_step=FRAME_FS,
    )
    return run


def broken_equilibration() -> list[MDChunkDocument]:
    """A run whose last five frames of equilibration have atoms on one another."""
    sound = long_chunk.original(0, 60)
    positions = sound.frames.positions.unpack().copy()
    positions[-5:, 1] = positions[-5:, 0] + 0.3
    frames = sound.frames.model_copy(
        update={"positions": PackedArray.pack(positions, "<f4")}
    )
    failed = sound.model_copy(
        update={"equilibration": True, "failure": "atoms overlap", "frames": frames}
    )
    after = failed.model_copy(
        update={"frames": None, "n_frames": 0, "first_step": failed.last_step}
    )
    return [failed, after]


def test_a_run_that_broke_while_it_equilibrated_is_learnt_from() -> None:
    chunks = broken_equilibration()
    run = analysed(chunks)
    assert run.n_frames == 0  # nothing of it is production
    assert run.failure == "atoms overlap"
    assert GUARD.unsure(run)
    found = picked(run, chunks)
    # though the committee is of one mind within so wide a limit
    assert len(found.entries) == GUARD.n_frames
    for entry in found.entries:
        distances = entry.structure.distance_matrix
        np.fill_diagonal(distances, 9.0)
        assert distances.min() > GUARD.min_distance
        assert entry.provenance.group == "glass guarded 900 K"


def test_a_run_that_lasted_is_learnt_from_where_the_committee_is_unsure() -> None:
    chunks = [long_chunk.original(number, 60) for number in range(2)]
    run = analysed(chunks)
    assert run.failure is None
    assert not GUARD.unsure(run)
    assert picked(run, chunks).entries == []
    unsure = GUARD.model_copy(update={"max_energy_std": 1e-9})
    found = picked(run, chunks, unsure)
    stds = [entry.provenance.details["energy_std"] for entry in found.entries]
    assert len(stds) == GUARD.n_frames
    assert stds == sorted(stds, reverse=True)


def test_runs_share_what_may_be_labelled_and_the_most_unsure_come_first() -> None:
    both = []
    for label, number in (("other", 1), ("one", 0)):
        chunks = [long_chunk.original(number, 60)]
        run = analysed(chunks).model_copy(update={"label": label})
        both.append((run, chunks))
    unsure = GUARD.model_copy(update={"max_energy_std": 1e-9})

    def stds(found: UnlabelledSet) -> list[float]:
        return [entry.provenance.details["energy_std"] for entry in found.entries]

    alone = [stds(picked_of([one], unsure)) for one in both]
    largest = sorted([*alone[0], *alone[1]], reverse=True)[: GUARD.n_frames]
    assert largest != alone[0]
    assert stds(picked_of(both, unsure)) == largest
    # where both broke, each is learnt from though the committee is of one mind
    broken = [
        (run.model_copy(update={"failure": "atoms overlap"}), chunks)
        for run, chunks in both
    ]
    found = picked_of(broken, GUARD).entries
    groups = Counter(entry.provenance.group.split()[0] for entry in found)
    assert groups == {"one": GUARD.n_frames // 2, "other": GUARD.n_frames // 2}


def test_of_no_runs_nothing_is_picked() -> None:
    maker = UnsureFramesMaker(settings=GUARD)
    found = maker.make.original(maker, [], random_potential(members=2))
    assert (found.n_structures, found.entries) == (0, [])


def test_the_production_of_a_run_does_not_hold_what_broke_before() -> None:
    chunks = broken_equilibration()
    kept = kept_positions({"a": chunks[0]})
    assert kept.shape == (60, len(chunks[0].structure), 3)
    with pytest.raises(EmptyTrajectoryError, match="atoms overlap"):
        join_chunks({"a": chunks[0], "b": chunks[1]})


def test_a_run_without_a_frame_is_of_the_method_of_its_chunks() -> None:
    """An engine on a potential by its job's uuid knows its method where it computes."""
    chunks = [
        chunk.model_copy(update={"method": "ann-0123"})
        for chunk in broken_equilibration()
    ]
    assert analysed(chunks).method == "ann-0123"
