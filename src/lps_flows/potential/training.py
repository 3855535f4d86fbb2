"""Training: ten restarts at once, the best on the held-out structures wins."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.geometry import AnyStructure
from lps_flows.potential.lockstep import Answer, LockStep, Record, Run
from lps_flows.potential.normalisation import Normalisation
from lps_flows.potential.objective import Chunk, Objective, make_chunks
from lps_flows.potential.partition import hold_out
from lps_flows.potential.progress import Progress
from lps_flows.potential.stacked import Layout
from lps_flows.potential.threads import available_threads
from lps_flows.potential.training_data import TrainingData, input_maps, normalise
from lps_flows.potential.training_result import TrainingResult, make_result
from lps_flows.potential.training_settings import TrainingSettings


def train_potential(
    structures: Sequence[AnyStructure],
    energies: Sequence[float] | np.ndarray,
    settings: TrainingSettings | None = None,
    forces: Sequence[Any] | None = None,
    groups: Sequence[Hashable] | None = None,
    *,
    sources: Sequence[str] | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> TrainingResult:
    """Train a potential on energies, and on forces where given.

    Parameters
    ----------
    structures
        Reference structures (pymatgen or ASE).
    energies
        Total energy of each (eV).
    settings
        Descriptor, networks, split, restarts; the paper's protocol by default.
    forces
        Per structure (n_atoms, 3) (eV/Å), or None for structures without.
    groups
        Per structure a trajectory or family that is held out as a whole.
    sources
        Per structure a label (crystal, strained, md, ga) for errors by source.
    checkpoint
        File that lets an interrupted training resume to the same weights as an
        uninterrupted one: call again with the same arguments. Removed at the end.
    progress
        Whether to show a progress bar with the validation error.

    Returns
    -------
    TrainingResult

    Raises
    ------
    TrainingError
        When lengths differ, values are not finite, or too few structures are given.
    StructureError
        When a structure cannot be evaluated.

    Notes
    -----
    Feature statistics, reference energies and energy scale are taken from the training
    part only. The same seed gives the same weights on the same machine.
    """
    settings = settings or TrainingSettings()
    data = TrainingData.collect(
        structures, energies, settings, forces=forces, groups=groups, sources=sources
    )
    threads = settings.threads or available_threads()
    rng = np.random.default_rng(settings.seed)
    train, held = hold_out(data.counts, groups, settings, rng)
    with_forces: list[np.ndarray | None] = [None] * len(data.energies)
    if data.forces is not None and settings.force_weight > 0:
        eligible = [int(s) for s in train if data.forces[s] is not None]
        n = max(1, round(settings.force_fraction * len(eligible))) if eligible else 0
        used = set(rng.permutation(eligible)[:n].tolist()) | set(held.tolist())
        with_forces = [f if s in used else None for s, f in enumerate(data.forces)]
    features = data.descriptor.batch_features(data.batch, threads)
    normalisation = normalise(data, features, train, with_forces, settings)
    layouts = _layouts(data.descriptor, settings)
    maps = input_maps(data, features, train, normalisation, settings.whitening)
    objectives = []
    for part in (train, held):
        chunks = make_chunks(
            data.descriptor,
            normalisation,
            data.batch,
            maps=maps,
            features=features,
            energies=data.energies,
            forces=with_forces,
            chosen=part,
        )
        objectives.append(
            _objective(
                data, normalisation, layouts, maps, chunks=chunks, settings=settings
            )
        )
    starts = np.array(
        [
            np.concatenate([layout.random(child) for layout in layouts])
            for child in rng.spawn(settings.restarts)
        ]
    )
    record = None
    if checkpoint is not None:
        header = hashlib.sha256(
            f"{data.digest}{settings.model_dump_json(exclude={'threads'})}".encode()
        )
        record = Record(Path(checkpoint), header.digest())
    runs: list[Run] = []
    try:
        with (
            threadpool_limits(1, user_api="blas"),
            Progress(settings, normalisation.energy_scale, show=progress) as bar,
        ):
            runs = LockStep(
                _evaluator(objectives[0], objectives[1] if len(held) else None),
                iterations=settings.iterations,
                memory=settings.memory,
                patience=settings.patience,
                record=record,
                tell=bar.update,
            ).run(starts)
    finally:
        if record is not None:
            record.close(remove=bool(runs))
    return make_result(
        data,
        normalisation,
        layouts,
        maps,
        runs=runs,
        train=train,
        held=held,
        settings=settings,
    )


def _layouts(
    descriptor: ChebyshevDescriptor, settings: TrainingSettings
) -> list[Layout]:
    sizes = (descriptor.n_features, *settings.hidden, 1)
    names = (settings.activation,) * len(settings.hidden) + ("linear",)
    layouts: list[Layout] = []
    for _ in descriptor.species:
        start = layouts[-1].start + layouts[-1].size if layouts else 0
        layouts.append(Layout(sizes, names, start))
    return layouts


def _objective(
    data: TrainingData,
    normalisation: Normalisation,
    layouts: list[Layout],
    maps: list[np.ndarray],
    *,
    chunks: list[Chunk],
    settings: TrainingSettings,
) -> Objective:
    return Objective(
        data.descriptor,
        normalisation,
        layouts,
        maps,
        chunks,
        energy_weight=settings.energy_weight,
        force_weight=settings.force_weight if data.forces is not None else 0.0,
        weight_decay=settings.weight_decay,
        threads=settings.threads or available_threads(),
    )


def _evaluator(train: Objective, held: Objective | None) -> Any:
    """Return the function that answers the restarts: loss, gradient, history row."""

    def evaluate(_members: list[int], points: np.ndarray) -> list[Answer]:
        v = train(points)
        w = v if held is None else held(points, gradient=False)
        # the score is the data part of the loss; weight decay does not choose weights
        score = train.energy_weight * w.energy + (
            train.force_weight * w.force if train.n_components else 0.0
        )
        return [
            (
                float(v.loss[k]),
                v.gradient[k],  # type: ignore[index]
                np.array([score[k], v.energy[k], w.energy[k], v.force[k], w.force[k]]),
            )
            for k in range(len(points))
        ]

    return evaluate
