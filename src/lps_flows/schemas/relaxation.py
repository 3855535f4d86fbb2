"""A relaxation by single points as a document: all it takes to go on."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from pymatgen.core import Structure

from lps_flows.chemistry import CompositionLine, full_formula
from lps_flows.potential import Trial
from lps_flows.potential.unknowns import Unknowns
from lps_flows.schemas.base import CalculationDocument, StoredStructure
from lps_flows.schemas.structure import Provenance, StructureDocument


class RelaxationDocument(CalculationDocument):
    """What a relaxation has asked of the reference so far: every answer is a label.

    Examples
    --------
    >>> from lps_flows.chemistry import CompositionLine, crystal
    >>> from lps_flows.potential import Trial
    >>> cell = crystal("Li2S")
    >>> asked = {"unknowns": [0.0] * (3 * len(cell) + 6)}
    >>> zero = {"forces": [[0.0] * 3] * len(cell), "stress": [[0.0] * 3] * 3}
    >>> document = RelaxationDocument(
    ...     method="chgnet-0.3.0",
    ...     provenance=Provenance(source="crystal"),
    ...     given=cell,
    ...     start=cell,
    ...     trials=[
    ...         Trial(**asked, energy=-40.0, **zero),
    ...         Trial(**asked, failure="out of memory"),
    ...     ],
    ... )
    >>> document.n_evaluations, len(document.labels(CompositionLine()))
    (2, 1)
    """

    method: str = Field(description="Reference method.")
    provenance: Provenance = Field(description="Where the structure comes from.")
    given: StoredStructure = Field(description="The structure handed in (Å).")
    start: StoredStructure = Field(
        description="Where it starts, the potential's own minimum (Å)."
    )
    trials: list[Trial] = Field(
        default_factory=list,
        description="Points asked, with the answers (kept in the data store).",
    )
    directory: str | None = Field(
        None, description="Directory of the last calculation, for the next to use."
    )
    end: int | None = Field(
        None, description="Trial at which it got to the thresholds, or none."
    )
    reason: str | None = Field(
        None, description="Why it did not, or which evaluations failed."
    )

    @property
    def n_evaluations(self) -> int:
        """Reference evaluations so far, failed ones included."""
        return len(self.trials)

    def places(self) -> list[Structure]:
        """Return the structures asked, in their order."""
        unknowns = Unknowns(self.start)
        return [unknowns.build(np.array(trial.unknowns)) for trial in self.trials]

    def lowest(self) -> Structure:
        """Return the lowest structure of those answered; the start without one."""
        answered = [
            (trial.energy, index)
            for index, trial in enumerate(self.trials)
            if trial.failure is None
        ]
        return self.places()[min(answered)[1]] if answered else self.start

    def labels(self, line: CompositionLine) -> list[StructureDocument]:
        """Return every structure that was answered, as what a potential learns from."""
        formula = full_formula(self.start)
        group = self.provenance.group or f"relaxation of {formula}"
        origin = self.provenance.model_copy(update={"group": group})
        return [
            StructureDocument.of(
                structure,
                trial.energy,
                origin,
                method=self.method,
                device=self.device,
                line=line,
                relaxed=False,
                forces=trial.forces,
                stress=trial.stress,
                n_evaluations=1,
            )
            for structure, trial in zip(self.places(), self.trials, strict=True)
            if trial.failure is None
        ]
