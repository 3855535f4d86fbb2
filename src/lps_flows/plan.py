"""What a campaign would start, counted before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pymatgen.core import Composition

from lps_flows.chemistry import reduced_formula, supercell_near
from lps_flows.engines import POTENTIAL_ENGINE
from lps_flows.jobs.dynamics import DynamicsSettings
from lps_flows.schemas.selection import Reason
from lps_flows.settings import CampaignSettings


@dataclass(frozen=True)
class PlannedWork:
    """Calculations of one kind in one stage.

    Parameters
    ----------
    stage
        Stage of the campaign.
    kind
        "relax", "static", "md" (reference engine or the engine of the conductivity
        stage), "training", "ann relax".
    engine
        Engine that does them.
    n_atoms
        Atoms of each calculation.
    steps
        MD steps of each, or most steps of a relaxation; none where nothing limits.
    at_most
        True when results decide and this is the upper bound.
    """

    stage: str
    kind: str
    engine: str
    n_atoms: tuple[int, ...]
    steps: int | None = None
    at_most: bool = False

    @property
    def number(self) -> int:
        """Number of calculations."""
        return len(self.n_atoms)


def plan_campaign(settings: CampaignSettings) -> list[PlannedWork]:
    """Count the calculations of a campaign by stage and kind.

    Parameters
    ----------
    settings
        A validated campaign.

    Returns
    -------
    list of PlannedWork
        In the order of the stages.
    """
    engine = settings.engine.name
    sizes = {key: len(settings.crystal(key)) for key in settings.crystals}
    relaxed = _each(list(sizes.values()), 1) + tuple(
        sizes[key]
        for key, own in settings.own_crystals.items()
        if own.order is not None and key in sizes
        for _ in range(own.order.n_lowest)
    )
    work = [PlannedWork("crystals", "relax", engine, relaxed)]
    work += _dataset(settings, sizes)
    training = settings.training
    work.append(
        PlannedWork("training", "training", POTENTIAL_ENGINE, (0,) * training.restarts)
    )
    plans = settings.compositions()
    atoms = [_atoms(plan.formula) for plan in plans]
    ga = settings.sampling.evolution
    individuals = (ga.generations + 1) * (ga.children or ga.population)
    for _ in range(settings.active_learning.rounds):
        work += _learning_round(settings, atoms)
    lowest = settings.sampling.lowest.n_lowest
    work += [
        PlannedWork(
            "sampling",
            "ann relax",
            POTENTIAL_ENGINE,
            _each(atoms, individuals * settings.sampling.n_seeds),
            at_most=True,
        ),
        PlannedWork("sampling", "relax", engine, _each(atoms, lowest), None, True),
    ]
    work += _melt_quench(settings)
    work += _conductivity(settings)
    return [*work, *_elasticity(settings, sizes, atoms)]


def count_labels(settings: CampaignSettings) -> int:
    """Return how many structures the first training sees, at most."""
    sizes = {key: len(settings.crystal(key)) for key in settings.crystals}
    frames = {"static": 1, "relax": settings.dataset.relaxation_frames, "md": 0}
    made = _dataset(settings, sizes)
    return len(sizes) + sum(work.number * frames[work.kind] for work in made)


def _dataset(settings: CampaignSettings, sizes: dict[str, int]) -> list[PlannedWork]:
    dataset, engine = settings.dataset, settings.engine.name
    keys = settings.training_crystals or settings.crystals
    cells = {
        key: len(supercell_near(settings.crystal(key), dataset.target_atoms))
        for key in keys
    }
    strained = len(dataset.isotropic_strains) + dataset.n_strained
    as_is = [
        n
        for key in keys
        for n in (sizes[key],) * strained + (cells[key],) * dataset.n_rattled
    ]
    flow = settings.maker().dataset
    parents = [cells[key] for key in flow.parents(list(keys))]
    snapshots = dataset.n_trajectories * dataset.n_snapshots
    # A snapshot that is relaxed is the first label of its own relaxation.
    relaxed = dataset.n_removed + (snapshots if dataset.relax_snapshots else 0)
    labelled = 0 if dataset.relax_snapshots else snapshots
    return [
        PlannedWork("dataset", "static", engine, (*as_is, *_each(parents, labelled))),
        PlannedWork(
            "dataset",
            "relax",
            engine,
            _each(parents, relaxed),
            dataset.relaxation_steps,
            at_most=True,
        ),
        PlannedWork(
            "dataset",
            "md",
            engine,
            _each(parents, dataset.n_trajectories),
            flow.dynamics.chunk.settings.steps(
                dataset.md_steps * settings.engine.md.time_step
            ),
        ),
    ]


def _learning_round(settings: CampaignSettings, atoms: list[int]) -> list[PlannedWork]:
    learning, ga = settings.active_learning, settings.sampling.evolution
    explored = (settings.sampling.exploration_generations + 1) * (
        ga.children or ga.population
    )
    stage, dynamics = "active learning", learning.dynamics
    work = [
        PlannedWork(
            stage, "ann relax", POTENTIAL_ENGINE, _each(atoms, explored), at_most=True
        ),
        PlannedWork(
            stage,
            "static",
            settings.engine.name,
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


def _melt_quench(settings: CampaignSettings) -> list[PlannedWork]:
    quench = settings.melt_quench
    if quench is None:
        return []
    cells = []
    for plan in settings.compositions():
        cell = supercell_near(settings.crystal(plan.parent), plan.target_atoms)
        cell.remove_sites(range(len(cell) - _atoms(plan.formula)))
        cells.append(len(supercell_near(cell, quench.target_atoms)))
    molten = _each(cells, quench.n_structures)
    steps = sum(quench.steps(duration) for _, duration in quench.programme())
    return [
        PlannedWork("melt-quench", "md", POTENTIAL_ENGINE, molten, steps, at_most=True),
        PlannedWork("melt-quench", "relax", settings.engine.name, molten, None, True),
    ]


def _elasticity(
    settings: CampaignSettings, sizes: dict[str, int], atoms: list[int]
) -> list[PlannedWork]:
    stage = settings.elasticity
    if stage is None:
        return []
    cells = [sizes[key] for key in stage.crystals or sizes]
    cells += atoms if stage.glasses else []
    volumes = _each(cells, settings.analysis.elasticity.n_frames)
    engine = settings.engine.name
    return [PlannedWork("elasticity", "relax", engine, volumes, None, True)]


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
    n_atoms
        Atoms of the cell, at most.
    """

    label: str | None
    reason: Reason
    x: float | None
    n_atoms: int


def plan_dynamics(settings: CampaignSettings) -> list[PlannedDynamics]:
    """Return what a campaign takes into molecular dynamics, in order."""
    selection, line = settings.selection, settings.line
    largest: dict[str, int] = {}
    for plan in settings.compositions():
        formula, n_atoms = reduced_formula(plan.formula), _atoms(plan.formula)
        largest[formula] = max(largest.get(formula, 0), n_atoms)
    most = max(largest.values())
    found = [PlannedDynamics(None, "candidate", None, most)] * selection.n_candidates
    reasons: dict[str, Reason] = {}
    for named in selection.compositions:
        reasons[reduced_formula(named)] = "named"
    on_line = [formula for formula in largest if line.contains(formula)]
    for formula in selection.along(sorted(on_line, key=line.x)):
        reasons.setdefault(formula, "along the line")
    found += [
        PlannedDynamics(
            f"gc-{formula}", reason, line.position(formula), largest[formula]
        )
        for formula, reason in reasons.items()
    ]
    target = settings.conductivity.target_atoms
    for key in settings.md_references:
        cell = settings.crystal(key)
        x = line.position(cell.composition)
        n_atoms = len(supercell_near(cell, target))
        found.append(PlannedDynamics(key, "reference", x, n_atoms))
    return found


def _conductivity(settings: CampaignSettings) -> list[PlannedWork]:
    transport = settings.conductivity
    engine = (settings.conductivity_engine or settings.engine).name
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
    return work


def _each(atoms: Iterable[int], times: int) -> tuple[int, ...]:
    return tuple(n for n in atoms for _ in range(times))


def _atoms(formula: str) -> int:
    return round(Composition(formula).num_atoms)
