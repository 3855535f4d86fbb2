"""The reference set of a potential: structures around crystals, labelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Job, Maker

from lps_flows.chemistry import CompositionLine, UnknownCrystalError, entry
from lps_flows.engines import Engine
from lps_flows.jobs.dataset import (
    MDStartMaker,
    PerturbationMaker,
    RemovalMaker,
    SnapshotMaker,
)
from lps_flows.jobs.perturbation import DatasetError, DatasetSettings
from lps_flows.jobs.reference import LabelMaker


@dataclass
class DatasetFlowMaker(Maker):
    """Make and label the reference set, around crystals already relaxed.

    Of every crystal: strained and rattled cells, labelled as they are. Of every
    parent of glass-ceramics besides: supercells with units removed, and snapshots of
    MD runs; both are relaxed a little way, and frames of each relaxation are the
    labels, so that the potential knows the way down to the minima.

    Parameters
    ----------
    name
        Name of the flow.
    settings
        What is made, and how much of it.
    perturbation, removal, md_start, snapshots
        Makers of the structures.
    label
        Maker that labels structures as they are; its engine also runs the MD.
    label_path
        Maker that relaxes structures and keeps frames of the way.
    """

    name: str = "dataset"
    settings: DatasetSettings = field(default_factory=DatasetSettings)
    perturbation: PerturbationMaker = field(default_factory=PerturbationMaker)
    removal: RemovalMaker = field(default_factory=RemovalMaker)
    md_start: MDStartMaker = field(default_factory=MDStartMaker)
    snapshots: SnapshotMaker = field(default_factory=SnapshotMaker)
    label: LabelMaker = field(default_factory=LabelMaker)
    label_path: LabelMaker = field(
        default_factory=lambda: LabelMaker(name="label relaxations", relax=True)
    )

    @classmethod
    def from_settings(
        cls,
        engine: Engine,
        settings: DatasetSettings | None = None,
        line: CompositionLine | None = None,
    ) -> DatasetFlowMaker:
        """Make the flow Maker whose steps all follow one settings object.

        Parameters
        ----------
        engine
            Reference engine of every label.
        settings
            What is made.
        line
            Composition line, Li2S-P2S5 unless given.
        """
        settings = settings or DatasetSettings()
        line = line or CompositionLine()
        return cls(
            settings=settings,
            perturbation=PerturbationMaker(settings=settings),
            removal=RemovalMaker(settings=settings, line=line),
            md_start=MDStartMaker(settings=settings, line=line),
            snapshots=SnapshotMaker(settings=settings),
            label=LabelMaker(engine=engine, line=line),
            label_path=LabelMaker(
                name="label relaxations",
                engine=engine.with_path(settings.relaxation_steps),
                relax=True,
                n_frames=settings.relaxation_frames,
                line=line,
            ),
        )

    def make(self, crystals: Mapping[str, Any]) -> Flow:
        """Make the flow.

        Parameters
        ----------
        crystals
            Reference to the `StructureDocument` of each relaxed crystal, by key.

        Returns
        -------
        Flow
            Its output is the list of references to the labelled `StructureSet`s; the
            crystals themselves are not among them.

        Raises
        ------
        DatasetError
            When a parent named in the settings is not among the crystals.
        """
        parents = self.parents(list(crystals))
        steps: list[Flow | Job] = []
        labelled: list[Job] = []
        for key, document in crystals.items():
            perturb = self.perturbation.make(document.structure, key)
            steps.append(_named(perturb, key))
            labelled.append(_named(self.label.make(perturb.output), key))
            if key not in parents:
                continue
            if self.settings.n_removed:
                remove = self.removal.make(document.structure, key)
                steps.append(_named(remove, key))
                labelled.append(_named(self.label_path.make(remove.output), key))
            if self.settings.n_trajectories:
                start = self.md_start.make(document.structure, key)
                steps.append(_named(start, key))
                for index in range(self.settings.n_trajectories):
                    md_steps, label = self._trajectory(key, start, index)
                    steps += md_steps
                    labelled.append(label)
        return Flow(
            [*steps, *labelled],
            output=[job.output for job in labelled],
            name=self.name,
        )

    def parents(self, keys: list[str]) -> tuple[str, ...]:
        """Return which of these crystals get removals and MD.

        Parameters
        ----------
        keys
            Keys of the crystals at hand.

        Raises
        ------
        DatasetError
            When the settings name one that is not at hand.
        """
        wanted = self.settings.removal_parents
        if wanted is None:
            return tuple(key for key in keys if self._holds_both_end_members(key))
        missing = sorted(set(wanted) - set(keys))
        if missing:
            raise DatasetError(
                "these parents are not among the crystals of the campaign",
                field="dataset.removal_parents",
                value=missing,
                remedy=f"Name some of {', '.join(keys)}, or add the crystals",
            )
        return wanted

    def _holds_both_end_members(self, key: str) -> bool:
        try:
            x = entry(key).x(self.removal.line)
        except UnknownCrystalError:
            return True
        return x is not None and 0 < x < 1

    def _trajectory(self, key: str, start: Job, index: int) -> tuple[list[Job], Job]:
        first = start.output.entries[index]
        dynamics = self._dynamics(first.structure, index)
        snapshots = self.snapshots.make([part.output for part in dynamics], first)
        # The first frame of a relaxation is the snapshot itself.
        maker = self.label_path if self.settings.relax_snapshots else self.label
        label = maker.make(snapshots.output)
        for step in (*dynamics, snapshots, label):
            step.name = f"{step.name} {key} {index}"
        return [*dynamics, snapshots], label

    def _dynamics(self, structure: Any, index: int) -> list[Any]:
        """Make one run: a chain of jobs where the engine's calculations are jobs."""
        settings, engine = self.settings, self.label.engine
        size = settings.md_chunk_steps
        if engine.batched or size is None:
            size = settings.md_steps
        chain: list[Any] = []
        for done in range(0, settings.md_steps, size):
            maker = engine.with_md(
                temperature=settings.md_temperature,
                n_steps=min(size, settings.md_steps - done),
                sampling_interval=max(1, settings.md_steps // settings.n_snapshots),
                seed=settings.seed + index,
            ).md
            before = chain[-1].output if chain else None
            part: Any = maker.make(
                structure if before is None else before.structure,
                prev_dir=None if before is None else before.dir_name,
            )
            part.config.expose_store = True
            if size < settings.md_steps:
                part.name += f" from step {done}"
            chain.append(part)
        return chain


def _named(job: Job, suffix: str) -> Job:
    job.name = f"{job.name} {suffix}"
    return job
