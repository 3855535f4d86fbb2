"""The reference set of a potential: structures around crystals, labelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, Maker

from lps_flows.chemistry import CompositionLine
from lps_flows.engines import Engine, MDSettings
from lps_flows.engines.trained import is_uuid
from lps_flows.flows.dynamics import DynamicsFlowMaker, Hold
from lps_flows.jobs.dataset import PerturbationMaker, SnapshotMaker
from lps_flows.jobs.dataset_settings import DatasetError, DatasetSettings
from lps_flows.jobs.labelled_files import (
    LabelledFileMaker,
    file_hash,
    read_documents,
)
from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.reference import LabelMaker


@dataclass
class DatasetFlowMaker(Maker):
    """Make and label the reference set, around crystals already relaxed.

    Of every crystal: strained and rattled cells, labelled as they are. Of every
    parent of glass-ceramics besides: supercells with units removed, and snapshots of
    MD runs; where the settings say so both are relaxed a little way, and frames of each
    relaxation are the labels, so that the potential knows the way down to the minima.
    What is labelled already joins them from files.
    """

    name: str = "dataset"
    settings: DatasetSettings = field(default_factory=DatasetSettings)
    perturbation: PerturbationMaker = field(default_factory=PerturbationMaker)
    snapshots: SnapshotMaker = field(default_factory=SnapshotMaker)
    dynamics: DynamicsFlowMaker = field(default_factory=DynamicsFlowMaker)
    labelled: LabelledFileMaker = field(default_factory=LabelledFileMaker)
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
        md: MDSettings | None = None,
    ) -> DatasetFlowMaker:
        """Make the flow Maker whose steps all follow one settings object.

        Parameters
        ----------
        line
            Composition line, Li2S-P2S5 unless given.
        """
        settings = settings or DatasetSettings()
        line = line or CompositionLine()
        return cls(
            settings=settings,
            perturbation=PerturbationMaker(settings=settings, line=line),
            snapshots=SnapshotMaker(settings=settings),
            dynamics=DynamicsFlowMaker(
                chunk=MDChunkMaker(
                    engine=engine, settings=settings.dynamics(md or MDSettings())
                )
            ),
            labelled=LabelledFileMaker(line=line),
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
            When a parent named in the settings is not among the crystals, or labelled
            files are to join what a potential labels that a job's uuid names.
        LabelledFileError, PotentialFileError
            When a file of labelled structures cannot join the set.
        """
        parents = self.parents(list(crystals))
        settings = self.settings
        # The first frame of a relaxation is the snapshot itself.
        label_md = self.label_path if settings.relax_snapshots else self.label
        label_removed = self.label_path if settings.relax_removed else self.label
        steps: list[Flow | Job] = []
        labelled: list[Job] = []

        def label(maker: LabelMaker, structures: Job, suffix: str) -> None:
            steps.append(_named(structures, suffix))
            labelled.append(_named(maker.make(structures.output), suffix))

        self._check_engine()
        method = self.label.engine.method
        for file in settings.labelled:
            # its mistakes now, not on a worker
            read_documents(file, method, self.labelled.line)
            read = self.labelled.make(file, method, file_hash(file))
            labelled.append(_named(read, Path(file).name))
        for key, document in crystals.items():
            make = partial(self.perturbation.make, document.structure, key)
            label(self.label, make(), key)
            if key not in parents:
                continue
            if settings.n_removed:
                label(label_removed, make(kind="removed"), f"{key} removed")
            if not settings.n_trajectories:
                continue
            starts = _named(make(kind="starts"), f"{key} md starts")
            steps.append(starts)
            for index in range(settings.n_trajectories):
                start = starts.output.entries[index]
                time = settings.md_steps * self.dynamics.chunk.settings.time_step
                run = self.dynamics.make(
                    start.structure,
                    [Hold(settings.md_temperature, time)],
                    f"{key} {index}",
                    seed=settings.seed + index,
                )
                steps.append(run)
                snapshots = self.snapshots.make(
                    run.output["chunks"], run.output["last"].last_step, start
                )
                label(label_md, snapshots, f"{key} {index}")
        return Flow(
            [*steps, *labelled],
            output=[job.output for job in labelled],
            name=self.name,
        )

    def _check_engine(self) -> None:
        source = self.label.engine.potential
        if self.settings.labelled and source is not None and is_uuid(source):
            raise DatasetError(
                "which potential that job trained is not known before the campaign "
                "runs, and labels of files must be by the very same one",
                field="engine.potential",
                value=source,
                remedy="Name its file (`lps-flows export`), or leave out "
                "dataset.labelled",
            )

    def parents(self, keys: list[str]) -> tuple[str, ...]:
        """Return which of these crystals get removals and MD.

        Raises
        ------
        DatasetError
            When the settings name one that is not at hand.
        """
        return self.settings.parents(keys, self.perturbation.line)


def _named(job: Job, suffix: str) -> Job:
    job.name = f"{job.name} {suffix}"
    return job
