"""Train an ANN potential on labelled structures."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jobflow import Maker, job

from lps_flows.foundation import LpsFlowsError
from lps_flows.potential import TrainingSettings, train_potential
from lps_flows.schemas import StructureDocument, StructureSet
from lps_flows.schemas.potential import ErrorSummary, PotentialDocument


class TrainingSetError(LpsFlowsError):
    """The labelled structures cannot be a training set."""


def gather(
    labelled: Sequence[StructureSet | StructureDocument | None],
) -> list[StructureDocument]:
    """Flatten labelled sets into the structures a potential may be trained on.

    Parameters
    ----------
    labelled
        Sets and single documents; None stands for a calculation that failed.

    Returns
    -------
    list of StructureDocument
        Converged entries, in the order given.

    Raises
    ------
    TrainingSetError
        When nothing is left, or energies of several methods are mixed.
    """
    documents = [
        entry
        for item in labelled
        if item is not None
        for entry in (item.entries if isinstance(item, StructureSet) else [item])
        if entry.converged
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


def dataset_hash(documents: Sequence[StructureDocument]) -> str:
    """SHA-256 over species, cells (Å), positions (Å) and energies (eV), in order."""
    digest = hashlib.sha256()
    for document in documents:
        structure = document.structure
        digest.update(" ".join(site.specie.symbol for site in structure).encode())
        for numbers in (structure.lattice.matrix, structure.cart_coords):
            digest.update(np.ascontiguousarray(numbers, dtype=np.float64).tobytes())
        digest.update(np.float64(document.energy).tobytes())
    return digest.hexdigest()


def summarise(errors: np.ndarray) -> ErrorSummary:
    """Summarise energy errors, shape (n_structures,) in eV/atom, in meV/atom."""
    absolute = 1000 * np.abs(errors)
    return ErrorSummary(
        n_structures=len(absolute),
        rmse=float(np.sqrt(np.mean(absolute**2))),
        mae=float(np.mean(absolute)),
        max=float(np.max(absolute)),
    )


@dataclass
class TrainingMaker(Maker):
    """Train a committee of ANN potentials; the best on validation leads it.

    Parameters
    ----------
    name
        Name of the job.
    settings
        Training settings: network, descriptor, restarts, iterations, hold-out, seed.
    """

    name: str = "train potential"
    settings: TrainingSettings = field(default_factory=TrainingSettings)

    @job(output_schema=PotentialDocument, data=["potential", "parity"])
    def make(
        self, labelled: list[StructureSet | StructureDocument | None]
    ) -> PotentialDocument:
        """Train on everything converged in `labelled`.

        Parameters
        ----------
        labelled
            Labelled sets or single documents, all of one method.

        Returns
        -------
        PotentialDocument
            Weights and errors by source and composition (meV/atom).

        Raises
        ------
        TrainingSetError
            When the inputs hold no converged structure or mix methods.
        """
        documents = gather(labelled)
        energies = np.array([document.energy for document in documents])
        forces = [document.forces for document in documents]
        result = train_potential(
            [document.structure for document in documents],
            energies,
            self.settings,
            forces=None
            if any(entry is None for entry in forces)
            else [np.asarray(entry) for entry in forces],
            groups=[
                document.provenance.group or f"single-{index}"
                for index, document in enumerate(documents)
            ],
        )
        return _document(documents, energies, result, self.settings)


def _document(
    documents: Sequence[StructureDocument],
    energies: np.ndarray,
    result: object,
    settings: TrainingSettings,
) -> PotentialDocument:
    potential = result.potential  # type: ignore[attr-defined]
    held_out = set(result.validation_indices)  # type: ignore[attr-defined]
    n_atoms = np.array([document.n_atoms for document in documents])
    evaluated = potential.evaluate(
        [document.structure for document in documents], forces=False, stress=False
    )
    predicted = np.array([entry.energy for entry in evaluated]) / n_atoms
    reference = energies / n_atoms
    errors = predicted - reference
    is_held_out = np.array([index in held_out for index in range(len(documents))])
    sources = [document.provenance.source for document in documents]
    formulas = [
        document.structure.composition.reduced_formula for document in documents
    ]
    return PotentialDocument(
        method=f"ann-{potential.identifier}",
        reference_method=documents[0].method,
        potential=potential.as_dict(),
        species=list(potential.species),
        n_members=potential.n_members,
        settings=settings.model_dump(mode="json"),
        dataset_hash=dataset_hash(documents),
        n_structures=len(documents),
        validation=summarise(errors[is_held_out]),
        training=summarise(errors[~is_held_out]),
        by_source=_by(sources, errors),
        by_composition=_by(formulas, errors),
        parity={
            "reference": reference.tolist(),
            "predicted": predicted.tolist(),
            "source": sources,
            "formula": formulas,
            "split": ["validation" if held else "training" for held in is_held_out],
        },
    )


def _by(labels: Sequence[str], errors: np.ndarray) -> dict[str, ErrorSummary]:
    grouped: dict[str, list[float]] = defaultdict(list)
    for label, error in zip(labels, errors, strict=True):
        grouped[label].append(error)
    return {label: summarise(np.array(values)) for label, values in grouped.items()}
