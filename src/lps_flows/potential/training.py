"""Training: ten restarts at once, the best on the held-out structures wins."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lps_flows.chemistry import AnyStructure
from lps_flows.potential.committee import existing_device
from lps_flows.potential.errors import TrainingError
from lps_flows.potential.lockstep import Answer, Evaluate, LockStep, Record, Run
from lps_flows.potential.model import ANNPotential
from lps_flows.potential.objective import Objective, make_chunks
from lps_flows.potential.parametrisation import Parametrisation
from lps_flows.potential.partition import hold_out
from lps_flows.potential.progress import training_bar
from lps_flows.potential.threads import available_threads
from lps_flows.potential.training_data import TrainingData, normalise
from lps_flows.potential.training_result import TrainingResult, make_result
from lps_flows.potential.training_settings import TrainingSettings

logger = logging.getLogger(__name__)

# Weights that know half of the structures are worse to begin with than random ones (300
# iterations against 400: 54 and 44 meV/atom on the next ones), weights that know three
# quarters better (150 against 500: 13 and 27).
_MOSTLY_SEEN = 2 / 3


def train_potential(
    structures: Sequence[AnyStructure],
    energies: Sequence[float] | np.ndarray,
    settings: TrainingSettings | None = None,
    forces: Sequence[Any] | None = None,
    groups: Sequence[Hashable] | None = None,
    *,
    sources: Sequence[str] | None = None,
    previous: ANNPotential | None = None,
    n_seen: int = 0,
    further: bool = False,
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
    previous
        An earlier potential of the same descriptor and networks, on less data: with
        `TrainingSettings.warm_iterations` its members are trained on, with its
        normalisation, instead of random weights.
    n_seen
        How many of the structures, from the first on, `previous` was trained on; zero
        when that is not known. A training that goes on from it holds out others. It
        begins anew when these are more than a third, or fewer than two.
    further
        Whether to go on from `previous` with more than a third of new ones, too: where
        these are its own relaxed structures rather than new ground.
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
    Structures with a force above `TrainingSettings.max_force` are in neither part.
    Feature statistics, reference energies and energy scale are taken from the training
    part only. The same seed gives the same weights on the same machine.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.potential import TrainingSettings, train_potential
    >>> structures = [crystal("Li2S").scale_lattice(v) for v in (170, 180, 190, 200)]
    >>> settings = TrainingSettings(hidden=(4,), restarts=2, iterations=20)
    >>> result = train_potential(structures, [-7, -9, -9, -8], settings)
    >>> result.training.n_structures, result.validation.n_structures
    (3, 1)
    """
    settings = settings or TrainingSettings()
    ready = prepare_training(
        structures,
        energies,
        settings,
        forces=forces,
        groups=groups,
        sources=sources,
        previous=previous,
        n_seen=n_seen,
        further=further,
    )
    record = None
    if checkpoint is not None:
        identity = f"{ready.data.digest}{ready.train.tolist()}".encode()
        identity += ready.starts.tobytes()
        identity += settings.model_dump_json(exclude={"threads"}).encode()
        # another optimiser would ask for other points than those on record
        identity += " ".join(map(version, ("lps-flows", "numpy", "scipy"))).encode()
        record = Record(Path(checkpoint), hashlib.sha256(identity).digest())
    runs: list[Run] = []
    try:
        with (
            threadpool_limits(1, user_api="blas"),
            training_bar(
                ready.iterations, ready.energy_scale, show=progress
            ) as show_runs,
        ):
            runs = LockStep(
                ready.evaluate,
                iterations=ready.iterations,
                memory=settings.memory,
                patience=settings.patience,
                record=record,
                on_round=show_runs,
            ).run(ready.starts)
    finally:
        if record is not None:
            record.close(remove=bool(runs))
    if min(runs, key=lambda run: run.score).best_iteration == 0:
        logger.warning(
            "no iteration lowered the error on the held-out structures: these are the "
            "weights that training began with"
        )
    return make_result(
        ready.data,
        ready.parametrisation,
        runs,
        train=ready.train,
        held=ready.held,
        settings=settings,
    )


@dataclass(frozen=True)
class Prepared:
    """Everything that is fixed before the first iteration.

    `train` and `held` are the indices of both parts, `starts` (n_restarts,
    n_parameters) the parameters begun with; `evaluate` answers the restarts.
    """

    data: TrainingData
    parametrisation: Parametrisation
    train: np.ndarray
    held: np.ndarray
    evaluate: Evaluate
    starts: np.ndarray
    iterations: int

    @property
    def energy_scale(self) -> float:
        """Scaled energies over energies (1/eV)."""
        return self.parametrisation.normalisation.energy_scale


def prepare_training(
    structures: Sequence[AnyStructure],
    energies: Sequence[float] | np.ndarray,
    settings: TrainingSettings,
    *,
    forces: Sequence[Any] | None = None,
    groups: Sequence[Hashable] | None = None,
    sources: Sequence[str] | None = None,
    previous: ANNPotential | None = None,
    n_seen: int = 0,
    further: bool = False,
) -> Prepared:
    """Check, split and scale the data, and draw the weights; see `train_potential`."""
    data = TrainingData.collect(
        structures, energies, settings, forces=forces, groups=groups, sources=sources
    )
    rng = np.random.default_rng(settings.seed)
    if not 0 <= n_seen <= len(data.energies):
        raise TrainingError(
            "not a number of these structures",
            field="n_seen",
            value=n_seen,
            remedy=f"Give a number from 0 to {len(data.energies)}",
        )
    usable = data.within(settings.max_force)
    unseen = np.flatnonzero(usable >= n_seen)
    seen = 1 - len(unseen) / len(usable)
    enough = further or seen >= _MOSTLY_SEEN
    worth_it = n_seen == 0 or (enough and len(unseen) > 1)
    warm = _goes_on(previous, data, settings) if worth_it else None
    parts = hold_out(
        data.counts[usable],
        None if groups is None else [groups[k] for k in usable],
        settings,
        rng,
        unseen if warm is not None and n_seen else None,
    )
    train, held = (usable[part] for part in parts)
    used = _forces_used(data, train, held, settings, rng)
    threads = settings.threads or available_threads()
    features = data.descriptor.batch_features(data.batch, threads)
    normalisation = (
        normalise(data, features, train, used, settings)
        if warm is None
        else warm.normalisation
    )
    parametrisation = Parametrisation.of(data, normalisation, features, train, settings)
    weights = {
        "energy_weight": settings.energy_weight,
        "force_weight": settings.force_weight if data.forces is not None else 0.0,
        "weight_decay": settings.weight_decay,
    }
    device = existing_device(settings.device)

    def objective(part: np.ndarray) -> Objective:
        chosen = (parametrisation, data, features, used, part)
        if device == "cpu":
            return Objective(
                parametrisation, make_chunks(*chosen), threads=threads, **weights
            )
        # torch loads slowly
        from lps_flows.potential.torch_objective import ATOMS_PER_CHUNK, TorchObjective

        chunks = make_chunks(*chosen, atoms_per_chunk=ATOMS_PER_CHUNK)
        return TorchObjective(parametrisation, chunks, device=device, **weights)

    starts = [parametrisation.random(child) for child in rng.spawn(settings.restarts)]
    iterations = settings.iterations
    if warm is not None:
        kept = warm.members[: settings.restarts]
        starts[: len(kept)] = [parametrisation.flat(member) for member in kept]
        iterations = settings.warm_iterations or iterations
    return Prepared(
        data,
        parametrisation,
        train,
        held,
        _evaluator(objective(train), objective(held) if len(held) else None),
        np.array(starts),
        iterations,
    )


def _goes_on(
    previous: ANNPotential | None, data: TrainingData, settings: TrainingSettings
) -> ANNPotential | None:
    """Return the earlier potential where its weights can be trained on."""
    if previous is None or settings.warm_iterations is None:
        return None
    network = next(iter(previous.members[0].values()))
    names = (settings.activation,) * len(settings.hidden) + ("linear",)
    sizes = (data.descriptor.n_features, *settings.hidden, 1)
    same = (
        previous.descriptor == data.descriptor
        and network.sizes == sizes
        and network.activations == names
        # an element it has not seen has no statistics
        and (previous.normalisation.n_atoms > 0).all()
    )
    return previous if same else None


def _forces_used(
    data: TrainingData,
    train: np.ndarray,
    held: np.ndarray,
    settings: TrainingSettings,
    rng: np.random.Generator,
) -> list[np.ndarray | None]:
    """Return the forces that count: a part of the training ones, all held-out ones."""
    if data.forces is None or settings.force_weight == 0:
        return [None] * len(data.energies)
    known = [int(s) for s in train if data.forces[s] is not None]
    n = max(1, round(settings.force_fraction * len(known)))
    used = {*rng.permutation(known)[:n].astype(int).tolist(), *held.tolist()}
    return [f if s in used else None for s, f in enumerate(data.forces)]


def _evaluator(train: Objective, held: Objective | None) -> Evaluate:
    """Return the function that answers the restarts: loss, gradient, history row."""
    forces_alone = train.energy_weight == 0 and train.n_components > 0
    blind = held is not None and forces_alone and held.n_components == 0
    if blind:
        logger.warning(
            "only forces are trained on and no held-out structure has them: the "
            "weights are chosen by the error on the training part"
        )

    def evaluate(_members: list[int], points: np.ndarray) -> list[Answer]:
        v = train(points)
        w = v if held is None else held(points, gradient=False)
        # the score is the data part of the loss; weight decay does not choose weights
        judge = v if blind else w
        score = train.energy_weight * judge.energy + (
            train.force_weight * judge.force if train.n_components else 0.0
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
