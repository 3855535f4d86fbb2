"""What a campaign would start, counted before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pymatgen.core import Composition

from lps_flows.chemistry import supercell_near
from lps_flows.jobs.dynamics import DynamicsSettings
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
    work = [PlannedWork("crystals", "relax", engine, tuple(sizes.values()))]
    work += _dataset(settings, sizes)
    training = settings.training
    work.append(PlannedWork("training", "training", "ann", (0,) * training.restarts))
    plans = settings.compositions()
    atoms = [_atoms(plan.formula) for plan in plans]
    ga = settings.sampling.evolution
    individuals = (ga.generations + 1) * (ga.children or ga.population)
    for _ in range(settings.active_learning.rounds):
        work += _learning_round(settings, atoms)
    lowest = settings.sampling.lowest.n_lowest
    work += [
        PlannedWork(
            "sampling", "ann relax", "ann", _each(atoms, individuals), None, True
        ),
        PlannedWork("sampling", "relax", engine, _each(atoms, lowest), None, True),
    ]
    return [*work, *_conductivity(settings, max(atoms))]


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
            dataset.md_steps,
        ),
    ]


def _learning_round(settings: CampaignSettings, atoms: list[int]) -> list[PlannedWork]:
    learning, ga = settings.active_learning, settings.sampling.evolution
    explored = (settings.sampling.exploration_generations + 1) * (
        ga.children or ga.population
    )
    stage, dynamics = "active learning", learning.dynamics
    work = [
        PlannedWork(stage, "ann relax", "ann", _each(atoms, explored), None, True),
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
            for key in sorted(keys | set(settings.selection.references))
        ]
        steps = DynamicsSettings().steps(dynamics.duration)
        runs = _each([*atoms, *cells], len(dynamics.temperatures))
        work.append(PlannedWork(stage, "md", "ann", runs, steps, True))
    return work


def _conductivity(settings: CampaignSettings, glass: int) -> list[PlannedWork]:
    transport, selection = settings.conductivity, settings.selection
    engine = (settings.conductivity_engine or settings.engine).name
    structures = [glass] * selection.n_candidates
    structures += [
        len(supercell_near(settings.crystal(key), transport.target_atoms))
        for key in selection.references
    ]
    steps = round(
        (transport.equilibration + transport.production) / transport.time_step
    )
    return [
        PlannedWork(
            "conductivity",
            "md",
            engine,
            _each(structures, len(transport.temperatures)),
            steps,
        )
    ]


def _each(atoms: Iterable[int], times: int) -> tuple[int, ...]:
    return tuple(n for n in atoms for _ in range(times))


def _atoms(formula: str) -> int:
    return round(Composition(formula).num_atoms)
