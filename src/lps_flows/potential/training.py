"""Training: ten restarts at once, the best on the held-out structures wins."""

from __future__ import annotations

import hashlib
import logging
import platform
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lps_flows.potential.assessment import ErrorReport, assess, composition_of
from lps_flows.potential.descriptor import ChebyshevDescriptor
from lps_flows.potential.errors import TrainingError
from lps_flows.potential.geometry import AnyStructure, Batch, element_symbols
from lps_flows.potential.lockstep import Answer, LockStep, Record, Run
from lps_flows.potential.model import ANNPotential
from lps_flows.potential.normalisation import SWITCHED_OFF, Normalisation
from lps_flows.potential.objective import Chunk, Objective, make_chunks
from lps_flows.potential.partition import fit_atomic_energies, hold_out
from lps_flows.potential.progress import Progress
from lps_flows.potential.stacked import Layout
from lps_flows.potential.threads import available_threads
from lps_flows.potential.training_settings import TrainingSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RestartHistory:
    """How one restart went.

    Parameters
    ----------
    restart
        Its number, and the index of its member in the committee.
    training, validation
        Energy RMSE at every iteration, the start included (meV/atom).
    training_forces, validation_forces
        Force RMSE at every iteration (eV/Å), empty without forces.
    best_iteration
        Iteration whose weights were kept: the lowest validation error.
    n_evaluations
        Loss evaluations, line-search trials counted.
    message
        Why it stopped.
    line_search_failed
        Whether a failed line search stopped it.
    """

    restart: int
    training: list[float]
    validation: list[float]
    training_forces: list[float]
    validation_forces: list[float]
    best_iteration: int
    n_evaluations: int
    message: str
    line_search_failed: bool


@dataclass(frozen=True)
class TrainingResult:
    """A trained potential and how good it is.

    Parameters
    ----------
    potential
        With all restarts as its committee; the best on validation gives the energies.
    training, validation
        Errors of the best member; validation equals training when nothing was held
        out.
    by_source, by_composition
        Errors over all structures of each source or composition, and of the held-out
        ones alone under ``"... (validation)"``.
    history
        One per restart.
    training_indices, validation_indices
        Which structures were on which side.
    """

    potential: ANNPotential
    training: ErrorReport
    validation: ErrorReport
    by_source: dict[str, ErrorReport]
    by_composition: dict[str, ErrorReport]
    history: list[RestartHistory]
    training_indices: list[int]
    validation_indices: list[int]
    committee: tuple[ANNPotential, ...] = field(init=False)

    def __post_init__(self) -> None:
        members = tuple(
            self.potential.member(k) for k in range(len(self.potential.members))
        )
        object.__setattr__(self, "committee", members)


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
    data = _Data.collect(structures, energies, settings, forces, groups, sources)
    threads = settings.threads or available_threads()
    rng = np.random.default_rng(settings.seed)
    train, held = hold_out(data.counts, groups, settings, rng)
    with_forces = [None] * len(data.energies)
    if data.forces is not None and settings.force_weight > 0:
        eligible = [int(s) for s in train if data.forces[s] is not None]
        n = max(1, round(settings.force_fraction * len(eligible))) if eligible else 0
        used = set(rng.permutation(eligible)[:n].tolist()) | set(held.tolist())
        with_forces = [f if s in used else None for s, f in enumerate(data.forces)]
    features = data.descriptor.batch_features(data.batch, threads)
    normalisation = _normalise(data, features, train, with_forces, settings)
    layouts = _layouts(data.descriptor, settings)
    objectives = []
    for part in (train, held):
        chunks = make_chunks(
            data.descriptor,
            normalisation,
            data.batch,
            features,
            data.energies,
            with_forces,
            part,
        )
        objectives.append(_objective(data, normalisation, layouts, chunks, settings))
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
    return _result(data, normalisation, layouts, runs, train, held, settings)


@dataclass(frozen=True)
class _Data:
    """The training set, checked."""

    structures: list[AnyStructure]
    descriptor: ChebyshevDescriptor
    batch: Batch
    energies: np.ndarray
    forces: list[np.ndarray | None] | None
    counts: np.ndarray
    sources: list[str] | None
    digest: str

    @classmethod
    def collect(
        cls,
        structures: Sequence[AnyStructure],
        energies: Sequence[float] | np.ndarray,
        settings: TrainingSettings,
        forces: Sequence[Any] | None,
        groups: Sequence[Hashable] | None,
        sources: Sequence[str] | None,
    ) -> _Data:
        structures = list(structures)
        for name, values in (
            ("energies", energies),
            ("forces", forces),
            ("groups", groups),
            ("sources", sources),
        ):
            if values is not None and len(values) != len(structures):
                raise TrainingError(
                    f"{len(structures)} structures were given",
                    field=f"len({name})",
                    value=len(values),
                    remedy="Give one per structure",
                )
        if not structures:
            raise TrainingError("no structure was given", field="structures", value=[])
        known = np.array(
            [np.nan if e is None else float(e) for e in energies], np.float64
        )
        if not np.isfinite(known).all():
            raise TrainingError(
                "an energy is not finite",
                field=f"energies[{int(np.flatnonzero(~np.isfinite(known))[0])}]",
                value=float(known[~np.isfinite(known)][0]),
                remedy="Leave out structures without an energy",
            )
        present = sorted({e for s in structures for e in element_symbols(s)})
        species = settings.species or tuple(present)
        descriptor = settings.descriptor.descriptor(species)
        batch = descriptor.batch(structures)
        counts = np.zeros((len(structures), len(species)), np.int64)
        np.add.at(counts, (batch.structure, batch.element), 1)
        digest = hashlib.sha256()
        for part in (batch.positions, batch.cells, batch.element, batch.starts, known):
            digest.update(np.ascontiguousarray(part).tobytes())
        arrays: list[np.ndarray | None] | None = None
        if forces is not None:
            arrays = []
            for k, f in enumerate(forces):
                array = None if f is None else np.array(f, np.float64)
                n = int(batch.starts[k + 1] - batch.starts[k])
                if array is not None and (
                    array.shape != (n, 3) or not np.isfinite(array).all()
                ):
                    raise TrainingError(
                        f"must be finite numbers of shape ({n}, 3)",
                        field=f"forces[{k}]",
                        value=array.shape,
                        remedy="Give None for a structure without forces",
                    )
                arrays.append(array)
                digest.update(b"" if array is None else array.tobytes())
        return cls(
            structures,
            descriptor,
            batch,
            known,
            arrays,
            counts,
            None if sources is None else [str(s) for s in sources],
            digest.hexdigest(),
        )


def _normalise(
    data: _Data,
    features: np.ndarray,
    train: np.ndarray,
    forces: Sequence[np.ndarray | None],
    settings: TrainingSettings,
) -> Normalisation:
    species, width = data.descriptor.species, features.shape[1]
    inside = np.isin(data.batch.structure, train)
    table = {name: np.zeros((len(species), width)) for name in ("a", "b", "c", "d")}
    for z, symbol in enumerate(species):
        g = features[inside & (data.batch.element == z)]
        if not len(g):
            logger.warning(
                "no %s in the training part: its network learns nothing", symbol
            )
            continue
        table["a"][z], table["b"][z] = g.mean(axis=0), (g**2).mean(axis=0)
        table["c"][z], table["d"][z] = g.min(axis=0), g.max(axis=0)
        off = int((g.std(axis=0) <= SWITCHED_OFF).sum())
        if off:
            logger.warning(
                "%d of %d features of %s are constant over the training part and "
                "switched off",
                off,
                width,
                symbol,
            )
    atomic = fit_atomic_energies(
        data.counts[train], data.energies[train], settings.atomic_energies, species
    )
    cohesive = (data.energies - data.counts @ atomic) / data.counts.sum(axis=1)
    low, high = cohesive[train].min(), cohesive[train].max()
    scale = 2.0 / (high - low) if high - low > 1e-8 else 1.0
    pulls = [forces[s] for s in train if forces[s] is not None]
    if pulls:
        # forces of order one as well, whatever the spread of the energies
        size = float(np.sqrt(np.mean(np.concatenate(pulls) ** 2)))  # type: ignore[arg-type]
        scale = min(scale, 1.0 / max(size, 1e-3))
    return Normalisation(
        mean=table["a"],
        mean_square=table["b"],
        minimum=table["c"],
        maximum=table["d"],
        n_atoms=data.counts[train].sum(axis=0),
        atomic_energies=atomic,
        energy_scale=float(scale),
        energy_shift=float(0.5 * (high + low)),
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
    data: _Data,
    normalisation: Normalisation,
    layouts: list[Layout],
    chunks: list[Chunk],
    settings: TrainingSettings,
) -> Objective:
    return Objective(
        data.descriptor,
        normalisation,
        layouts,
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


def _result(
    data: _Data,
    normalisation: Normalisation,
    layouts: list[Layout],
    runs: list[Run],
    train: np.ndarray,
    held: np.ndarray,
    settings: TrainingSettings,
) -> TrainingResult:
    species = data.descriptor.species
    members = [
        {
            e: layout.network(run.best)
            for e, layout in zip(species, layouts, strict=True)
        }
        for run in runs
    ]
    best = int(np.argmin([run.score for run in runs]))
    metadata = {
        "settings": settings.model_dump(mode="json"),
        "dataset": data.digest,
        "n_training": len(train),
        "n_validation": len(held),
        "statistics": "features, reference energies and scale of the training part",
        "validation_scores": [run.score for run in runs],
        "versions": {
            "python": platform.python_version(),
            **{p: version(p) for p in ("lps-flows", "numpy", "scipy", "numba")},
        },
    }
    potential = ANNPotential(
        data.descriptor, normalisation, members, best=best, metadata=metadata
    )
    side = np.full(len(data.energies), "training", dtype=object)
    side[held] = "validation"

    def reports(labels: list[str]) -> dict[str, ErrorReport]:
        found = assess(potential, data.structures, data.energies, data.forces, labels)
        split = [f"{a} ({b})" for a, b in zip(labels, side, strict=True)]
        both = assess(potential, data.structures, data.energies, data.forces, split)
        chosen = {k: v for k, v in both.items() if k.endswith("(validation)")}
        return {k: v for k, v in {**found, **chosen}.items() if k != "all"}

    errors = assess(
        potential, data.structures, data.energies, data.forces, side.tolist()
    )
    by_source = {} if data.sources is None else reports(data.sources)
    by_composition = reports([composition_of(s) for s in data.structures])
    validation = errors.get("validation", errors["training"])
    potential.metadata["errors"] = {
        "training": errors["training"].as_dict(),
        "validation": validation.as_dict(),
        "by_source": {k: v.as_dict() for k, v in by_source.items()},
        "by_composition": {k: v.as_dict() for k, v in by_composition.items()},
    }
    scale = normalisation.energy_scale
    history = []
    for k, run in enumerate(runs):
        rows = np.sqrt(np.array(run.history)) / scale
        has_forces = data.forces is not None and settings.force_weight > 0
        history.append(
            RestartHistory(
                restart=k,
                training=(1000.0 * rows[:, 1]).tolist(),
                validation=(1000.0 * rows[:, 2]).tolist(),
                training_forces=rows[:, 3].tolist() if has_forces else [],
                validation_forces=rows[:, 4].tolist() if has_forces else [],
                best_iteration=run.best_iteration,
                n_evaluations=run.n_evaluations,
                message=run.message,
                line_search_failed=run.failed,
            )
        )
    return TrainingResult(
        potential=potential,
        training=errors["training"],
        validation=validation,
        by_source=by_source,
        by_composition=by_composition,
        history=history,
        training_indices=train.tolist(),
        validation_indices=held.tolist(),
    )
