"""What a campaign would start, counted before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pymatgen.core import Composition

from lps_flows.chemistry import reduced_formula, supercell_near
from lps_flows.engines import POTENTIAL_ENGINE, ForcesSettings
from lps_flows.jobs.dynamics import DynamicsSettings
from lps_flows.jobs.labelled_files import frame_sizes
from lps_flows.schemas.selection import Reason
from lps_flows.settings import CampaignKeys

_LED_LABELS = 4
"""What training on a relaxation by single points takes, in labels with forces.

Measured; its forces count at three points alone (`jobs.training`).
"""

_ENDS = 2
"""Evaluations of a relaxation beside its steps.

Its start, and its end once more, which ASE's trajectories and so the documents count.
"""


@dataclass(frozen=True)
class PlannedWork:
    """Calculations of one kind in one stage.

    Parameters
    ----------
    kind
        "relax", "static", "md" (reference engine or the engine of the conductivity
        stage), "training", "ann relax".
    steps
        MD steps of each, or most evaluations of a relaxation; none where nothing
        limits.
    at_most
        True when results decide and this is the upper bound.
    led
        True for relaxations by single points that the potential leads.
    """

    stage: str
    kind: str
    engine: str
    n_atoms: tuple[int, ...]
    steps: int | None = None
    at_most: bool = False
    led: bool = False

    @property
    def number(self) -> int:
        """Number of calculations."""
        return len(self.n_atoms)


def plan_campaign(settings: CampaignKeys) -> list[PlannedWork]:
    """Count the calculations of a campaign by stage and kind.

    Returns
    -------
    list of PlannedWork
        In the order of the stages.
    """
    engine = _label(settings.engine)
    sizes = {key: len(settings.crystal(key)) for key in settings.crystals}
    relaxed = _each(list(sizes.values()), 1) + tuple(
        sizes[key]
        for key, own in settings.own_crystals.items()
        if own.order is not None and key in sizes
        for _ in range(own.order.n_lowest)
    )
    most = _of_relaxations(settings)
    work = [PlannedWork("crystals", "relax", engine, relaxed, most)]
    work += _dataset(settings, sizes)
    work.append(_training(settings, "training", _labelled_atoms(settings, work)))
    plans = settings.compositions()
    atoms = [_atoms(plan.formula) for plan in plans]
    ga = settings.sampling.evolution
    individuals = (ga.generations + 1) * (ga.children or ga.population)
    for _ in range(settings.active_learning.rounds):
        work += _learning_round(settings, atoms)
        n_atoms, warm = (
            _labelled_atoms(settings, work),
            settings.training.warm_iterations,
        )
        work.append(_training(settings, "active learning", n_atoms, warm))
    lowest, led = settings.sampling.lowest.n_lowest, _led(settings)
    work += [
        PlannedWork(
            "sampling",
            "ann relax",
            POTENTIAL_ENGINE,
            _each(atoms, individuals * settings.sampling.n_seeds),
            _of_individuals(settings),
            True,
        ),
        PlannedWork("sampling", "relax", engine, _each(atoms, lowest), most, True, led),
    ]
    work += _melt_quench(settings)
    warm = settings.training.warm_iterations
    if settings.active_learning.refine:
        n_atoms = _labelled_atoms(settings, work)
        work.append(_training(settings, "training", n_atoms, warm))
    work += _conductivity(settings)
    if (guard := settings.conductivity.guard) is not None:
        again = guard.restarts * len(plan_dynamics(settings))
        n_atoms = _labelled_atoms(settings, work)
        trained = _training(settings, "conductivity", n_atoms, warm)
        atoms_of = _each(trained.n_atoms, again)
        work.append(replace(trained, n_atoms=atoms_of, at_most=True))
    work += _elasticity(settings, sizes, atoms)
    work += _phonons(settings, sizes, atoms)
    return [planned for planned in work if planned.number]


def count_labels(settings: CampaignKeys) -> int:
    """Return how many structures the first training sees, at most."""
    sizes = {key: len(settings.crystal(key)) for key in settings.crystals}
    frames = {"static": 1, "relax": settings.dataset.relaxation_frames, "md": 0}
    dataset = _dataset(settings, sizes)
    there = len(sizes) + len(_given(settings))
    return there + sum(work.number * frames[work.kind] for work in dataset)


def _given(settings: CampaignKeys) -> list[int]:
    """Return the atoms of each structure that is labelled already."""
    return [n for file in settings.dataset.labelled for n in frame_sizes(file)]


def _label(engine: ForcesSettings) -> str:
    """Return engine and model, for models differ in what they cost."""
    return engine.name if engine.model is None else f"{engine.name} {engine.model}"


def _of_relaxations(settings: CampaignKeys) -> int:
    """Return the most evaluations of a relaxation by the reference engine."""
    engine = settings.engine
    if engine.restarts:  # two, and the single point at the end
        return 2 * engine.max_steps + 1
    return engine.max_steps + _ENDS


def _of_individuals(settings: CampaignKeys) -> int:
    return settings.sampling.relaxation.max_steps + _ENDS


def _led(settings: CampaignKeys) -> bool:
    return settings.engine.relaxation != "native" and settings.engine.relax_cell


def _labelled_atoms(settings: CampaignKeys, work: Sequence[PlannedWork]) -> int:
    """Return the atoms of all labels that some work gives."""
    frames = settings.dataset.relaxation_frames
    return sum(_given(settings)) + sum(
        sum(planned.n_atoms)
        * (_LED_LABELS if planned.led else frames if _on_the_way(planned) else 1)
        for planned in work
        if planned.kind in ("static", "relax")
    )


def _on_the_way(planned: PlannedWork) -> bool:
    """Tell whether the labels are frames of relaxations."""
    return (planned.stage, planned.kind) == ("dataset", "relax")


def _training(
    settings: CampaignKeys, stage: str, n_atoms: int, iterations: int | None = None
) -> PlannedWork:
    training = settings.training
    return PlannedWork(
        stage,
        "training",
        POTENTIAL_ENGINE,
        (n_atoms,) * training.restarts,
        iterations or training.iterations,
    )


def _dataset(settings: CampaignKeys, sizes: dict[str, int]) -> list[PlannedWork]:
    dataset, engine = settings.dataset, _label(settings.engine)
    keys = settings.training_crystals or settings.crystals
    cells = {
        key: len(supercell_near(settings.crystal(key), dataset.target_atoms))
        for key in keys
    }
    strained = len(dataset.isotropic_strains) + dataset.n_strained
    moved = dataset.n_rattled + dataset.n_squeezed
    as_is = [
        n for key in keys for n in (sizes[key],) * strained + (cells[key],) * moved
    ]
    chosen = settings.reference_set.parents(list(keys), settings.line)
    parents = [cells[key] for key in chosen]
    md = settings.engine.md
    snapshots = dataset.n_trajectories * dataset.n_snapshots
    # A snapshot that is relaxed is the first label of its own relaxation.
    numbers = (
        (dataset.n_removed, dataset.relax_removed),
        (snapshots, dataset.relax_snapshots),
    )
    relaxed = sum(number for number, relax in numbers if relax)
    labelled = sum(number for number, relax in numbers if not relax)
    return [
        PlannedWork("dataset", "static", engine, (*as_is, *_each(parents, labelled))),
        PlannedWork(
            "dataset",
            "relax",
            engine,
            _each(parents, relaxed),
            dataset.relaxation_steps + _ENDS,
            at_most=True,
        ),
        PlannedWork(
            "dataset",
            "md",
            engine,
            _each(parents, dataset.n_trajectories),
            dataset.dynamics(md).steps(dataset.md_steps * md.time_step),
        ),
    ]


def _learning_round(settings: CampaignKeys, atoms: list[int]) -> list[PlannedWork]:
    learning, ga = settings.active_learning, settings.sampling.evolution
    explored = (settings.sampling.exploration_generations + 1) * (
        ga.children or ga.population
    )
    stage, dynamics = "active learning", learning.dynamics
    work = [
        PlannedWork(
            stage,
            "ann relax",
            POTENTIAL_ENGINE,
            _each(atoms, explored),
            _of_individuals(settings),
            True,
        ),
        PlannedWork(
            stage,
            "static",
            _label(settings.engine),
            (max(atoms),) * learning.n_structures,
            None,
            True,
        ),
    ]
    if dynamics is not None:
        keys = {scan.parent for scan in settings.sampling.scans}
        cells = [
            len(supercell_near(settings.crystal(key), dynamics.target_atoms))
            for key in sorted(keys | set(settings.md_references))
        ]
        steps = DynamicsSettings().steps(dynamics.duration)
        runs = _each([*atoms, *cells], len(dynamics.temperatures))
        work.append(PlannedWork(stage, "md", POTENTIAL_ENGINE, runs, steps, True))
    return work


def _melt_quench(settings: CampaignKeys) -> list[PlannedWork]:
    quench = settings.melt_quench
    if quench is None:
        return []
    cells = _repeated(settings, quench.target_atoms)
    molten = _each(cells, quench.n_structures)
    steps = sum(quench.steps(duration) for _, duration in quench.programme())
    return [
        PlannedWork("melt-quench", "md", POTENTIAL_ENGINE, molten, steps, at_most=True),
        PlannedWork(
            "melt-quench",
            "relax",
            _label(settings.engine),
            molten,
            _of_relaxations(settings),
            True,
            _led(settings),
        ),
    ]


def _repeated(settings: CampaignKeys, target_atoms: int) -> list[int]:
    """Return the atoms of each composition's cell, repeated to about so many."""
    cells = []
    for plan in settings.compositions():
        cell = supercell_near(settings.crystal(plan.parent), plan.target_atoms)
        cell.remove_sites(range(len(cell) - _atoms(plan.formula)))
        cells.append(len(supercell_near(cell, target_atoms)))
    return cells


def _elasticity(
    settings: CampaignKeys, sizes: dict[str, int], atoms: list[int]
) -> list[PlannedWork]:
    stage = settings.elasticity
    if stage is None:
        return []
    keys = sizes if stage.crystals is None else stage.crystals
    cells = [sizes[key] for key in keys]
    cells += atoms if stage.glasses else []
    volumes = _each(cells, settings.analysis.elasticity.n_frames)
    engine = _label(settings.engine)
    most = settings.engine.max_steps + _ENDS
    work = [PlannedWork("elasticity", "relax", engine, volumes, most, True)]
    if stage.tensor:
        number = 1 + 6 * len(settings.analysis.elastic_tensor.strains())
        deformed = _each(cells, number), None, True
        work.append(PlannedWork("elasticity", "ann relax", POTENTIAL_ENGINE, *deformed))
    return work


def _phonons(
    settings: CampaignKeys, sizes: dict[str, int], atoms: list[int]
) -> list[PlannedWork]:
    stage, phonons = settings.phonons, settings.analysis.phonons
    if stage is None:
        return []
    cells = [
        (n, max(n, phonons.target_atoms))
        for key, n in sizes.items()
        if stage.crystals is None or key in stage.crystals
    ]
    cells += [(n, n) for n in atoms] if stage.glasses else []
    # six displacements of every atom, less what symmetry spares
    displaced = tuple(supercell for n, supercell in cells for _ in range(6 * n + 1))
    engine = _label(settings.engine)
    return [PlannedWork("phonons", "static", engine, displaced, at_most=True)]


@dataclass(frozen=True)
class PlannedDynamics:
    """What goes into molecular dynamics, as far as it is known beforehand.

    Parameters
    ----------
    label
        Crystal key or 'gc-' and the reduced formula; none where the rule decides.
    reason
        As on the `SelectionDocument`.
    x
        Position on the line; none off it and where the rule decides.
    """

    label: str | None
    reason: Reason
    x: float | None
    n_atoms: int


def plan_dynamics(settings: CampaignKeys) -> list[PlannedDynamics]:
    """Return what a campaign takes into molecular dynamics, in order."""
    selection, line = settings.selection, settings.line
    target = settings.conductivity.target_atoms
    largest: dict[str, int] = {}
    for plan, n_atoms in zip(
        settings.compositions(), _repeated(settings, target), strict=True
    ):
        formula = reduced_formula(plan.formula)
        if line.mobile in Composition(formula):
            largest[formula] = max(largest.get(formula, 0), n_atoms)
    most = max(largest.values(), default=target)
    runs = [PlannedDynamics(None, "candidate", None, most)] * selection.n_candidates
    named = map(reduced_formula, selection.compositions)
    # one without the mobile ion, in settings of an older version, is not run either
    reasons: dict[str, Reason] = {f: "named" for f in named if f in largest}
    on_line = [formula for formula in largest if line.contains(formula)]
    for formula in selection.along(sorted(on_line, key=line.x)):
        reasons.setdefault(formula, "along the line")
    runs += [
        PlannedDynamics(
            f"gc-{formula}", reason, line.position(formula), largest[formula]
        )
        for formula, reason in reasons.items()
    ]
    for key in settings.md_references:
        cell = settings.crystal(key)
        x = line.position(cell.composition)
        n_atoms = len(supercell_near(cell, target))
        runs.append(PlannedDynamics(key, "reference", x, n_atoms))
    return runs


def _conductivity(settings: CampaignKeys) -> list[PlannedWork]:
    transport = settings.conductivity
    engine = _label(settings.conductivity_engine or settings.engine)
    cells = [planned.n_atoms for planned in plan_dynamics(settings)]
    steps = round(
        (transport.equilibration + transport.production) / transport.time_step
    )
    each = _each(cells, len(transport.temperatures))
    work = [
        PlannedWork("conductivity", "md", engine, _each(each, transport.n_seeds), steps)
    ]
    if transport.npt:
        cell = round(transport.npt / transport.time_step)
        work.append(PlannedWork("conductivity", "md", engine, each, cell))
    if (guard := transport.guard) is not None:
        anew = [
            replace(run, n_atoms=_each(run.n_atoms, guard.restarts), at_most=True)
            for run in work
        ]
        frames = _each(cells, guard.n_frames * guard.restarts)
        reference = _label(settings.engine)
        label = PlannedWork("conductivity", "static", reference, frames, None, True)
        work += [*anew, label]
    return work


def _each(atoms: Iterable[int], times: int) -> tuple[int, ...]:
    return tuple(n for n in atoms for _ in range(times))


def _atoms(formula: str) -> int:
    return round(Composition(formula).num_atoms)
