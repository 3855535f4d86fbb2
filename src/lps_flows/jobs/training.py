"""Train an ANN potential on labelled structures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jobflow import CURRENT_JOB, Maker, job

from lps_flows.chemistry import CompositionLine
from lps_flows.foundation import LpsFlowsError
from lps_flows.potential import ANNPotential, TrainingResult, TrainingSettings
from lps_flows.potential.committee import existing_device
from lps_flows.schemas import StructureDocument, StructureSet
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.relaxation import RelaxationDocument


class TrainingSetError(LpsFlowsError):
    """The labelled structures cannot be a training set."""


Labelled = StructureSet | StructureDocument | RelaxationDocument | None
"""What holds labels; None stands for a calculation that failed."""


_WITH_FORCES = 3
"""Labels of a relaxation by single points whose forces count, start and end included.

Its steps are short: forces of all would take five times as long to train on.
"""


def gather(
    labelled: Sequence[Labelled], line: CompositionLine | None = None
) -> list[StructureDocument]:
    """Flatten labelled sets into the structures a potential may be trained on.

    Parameters
    ----------
    labelled
        Sets, single documents and relaxations by single points.

    Returns
    -------
    list of StructureDocument
        Converged entries, in the order given.

    Raises
    ------
    TrainingSetError
        When nothing is left, or energies of several methods are mixed.
    """
    line = line or CompositionLine()
    documents = [
        entry for item in labelled for entry in _entries(item, line) if entry.converged
    ]
    methods = sorted({document.method for document in documents})
    if not documents:
        raise TrainingSetError(
            "no converged labelled structure is among the inputs",
            field="labelled",
            value=len(labelled),
            remedy="Look at the failures of the reference stage with "
            "`lps-flows status`, then rerun it",
        )
    if len(methods) > 1:
        raise TrainingSetError(
            "energies of different reference methods cannot be mixed",
            field="method",
            value=methods,
            remedy="Label the whole set with one engine",
        )
    return documents


def _entries(item: Labelled, line: CompositionLine) -> Sequence[StructureDocument]:
    if isinstance(item, StructureSet):
        return item.entries
    if isinstance(item, RelaxationDocument):
        labels = item.labels(line)
        kept = np.linspace(0, len(labels) - 1, _WITH_FORCES).round()
        return [
            label if index in kept else label.model_copy(update={"forces": None})
            for index, label in enumerate(labels)
        ]
    return [] if item is None else [item]


def dataset_hash(documents: Sequence[StructureDocument]) -> str:
    """SHA-256 over species, cells (Å), positions (Å), energies (eV), forces (eV/Å)."""
    digest = hashlib.sha256()
    for document in documents:
        structure = document.structure
        digest.update(" ".join(site.specie.symbol for site in structure).encode())
        for numbers in (structure.lattice.matrix, structure.cart_coords):
            digest.update(np.ascontiguousarray(numbers, dtype=np.float64).tobytes())
        digest.update(np.float64(document.energy).tobytes())
        if document.forces is not None:
            digest.update(np.array(document.forces, np.float64).tobytes())
    return digest.hexdigest()


@dataclass
class TrainingMaker(Maker):
    """Train a committee of ANN potentials; the best on validation leads it."""

    name: str = "train potential"
    settings: TrainingSettings = field(default_factory=TrainingSettings)

    @job(output_schema=PotentialDocument, data=["potential", "parity", "restarts"])
    def make(
        self,
        labelled: list[Labelled],
        previous: PotentialDocument | None = None,
        trained_on: Sequence[str] = (),
        *,
        further: bool = False,
    ) -> PotentialDocument:
        """Train on everything converged in `labelled`.

        Parameters
        ----------
        labelled
            Labelled sets or single documents, all of one method; None marks a failed
            calculation.
        previous
            An earlier potential; it is returned as it is when the structures are the
            same ones it was trained on with the same settings. Its weights are begun
            with where the settings say so (`warm_iterations`).
        trained_on
            Jobs of what is labelled, kept with the potential.
        further
            Whether its weights are begun with however much is new.

        Returns
        -------
        PotentialDocument
            Weights and errors by source and composition (meV/atom).

        Raises
        ------
        TrainingSetError
            When the inputs hold no converged structure or mix methods.
        """
        from lps_flows.potential import train_potential

        documents = gather(labelled)
        if (
            previous is not None
            and previous.dataset_hash == dataset_hash(documents)
            and previous.settings == self.settings.model_dump(mode="json")
        ):
            return previous
        energies = np.array([document.energy for document in documents])
        forces = [document.forces for document in documents]
        result = train_potential(
            [document.structure for document in documents],
            energies,
            self.settings,
            forces=[None if entry is None else np.asarray(entry) for entry in forces],
            groups=[
                document.provenance.group or f"single {index}"
                for index, document in enumerate(documents)
            ],
            sources=[document.provenance.source for document in documents],
            previous=None
            if previous is None
            else ANNPotential.from_dict(previous.potential),
            n_seen=_n_seen(documents, previous),
            further=further,
            checkpoint=_record_path(),
        )
        trained = _document(documents, energies, result, self.settings)
        trained.trained_on = list(trained_on)
        trained.rounds = [] if previous is None else previous.rounds
        return trained


def _n_seen(
    documents: Sequence[StructureDocument], previous: PotentialDocument | None
) -> int:
    """Return how many of the structures, from the first on, it was trained on."""
    if previous is None:
        return 0
    first = documents[: previous.n_structures]
    return len(first) if dataset_hash(first) == previous.dataset_hash else 0


def _record_path() -> Path:
    """Return where a rerun of this very job finds the record of its iterations.

    FireWorks' rapidfire gives every launch a new folder, so the record lies beside it.
    """
    here, running = Path.cwd(), CURRENT_JOB.job
    folder = here.parent if here.name.startswith("launcher_") else here
    return folder / f"training-{'here' if running is None else running.uuid}.record"


def _document(
    documents: Sequence[StructureDocument],
    energies: np.ndarray,
    result: TrainingResult,
    settings: TrainingSettings,
) -> PotentialDocument:
    potential = result.potential
    held_out = set(result.validation_indices)
    used = sorted({*result.training_indices, *held_out})
    shown = [documents[index] for index in used]
    n_atoms = np.array([document.nsites for document in shown])
    predicted = potential.evaluate(
        [document.structure for document in shown], forces=False, stress=False
    )
    return PotentialDocument(
        method=f"ann-{potential.identifier}",
        device=existing_device(settings.device),
        reference_method=documents[0].method,
        potential=potential.as_dict(),
        species=list(potential.species),
        n_members=len(potential.members),
        settings=settings.model_dump(mode="json"),
        dataset_hash=dataset_hash(documents),
        n_structures=len(documents),
        n_left_out=len(documents) - len(used),
        validation=result.validation,
        training=result.training,
        by_source=result.by_source,
        by_composition=result.by_composition,
        restarts=result.history,
        parity={
            "reference": (energies[used] / n_atoms).tolist(),
            "predicted": (np.array([e.energy for e in predicted]) / n_atoms).tolist(),
            "source": [document.provenance.source for document in shown],
            "formula": [
                document.structure.composition.reduced_formula for document in shown
            ],
            "split": [
                "validation" if index in held_out else "training" for index in used
            ],
        },
    )
