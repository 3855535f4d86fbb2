"""Truly amorphous models: heat, hold, cool at a stated rate, relax."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Maker, OutputReference
from pymatgen.core import Structure

from lps_flows.chemistry import (
    CompositionLine,
    bare_structure,
    full_formula,
    supercell_near,
)
from lps_flows.engines import EngineSettings, get_engine
from lps_flows.flows.dynamics import DynamicsFlowMaker, Hold
from lps_flows.flows.sampling import CompositionPlan
from lps_flows.jobs.calculations import failing_through
from lps_flows.jobs.glass import (
    MeltQuenchError,
    MeltQuenchSettings,
    document_glass,
    melt_start,
)
from lps_flows.jobs.md import MDChunkMaker
from lps_flows.jobs.reference import ReferenceRelaxMaker
from lps_flows.jobs.references import both, recall, uuid_of
from lps_flows.schemas import Provenance


@dataclass
class MeltQuenchFlowMaker(Maker):
    """Melt a structure, cool it at a stated rate, and relax the glass.

    The output is the `StructureDocument` of the relaxed glass (source
    'melt-quench'), which takes part in hull, gaps and selection as those of the GA do;
    its history is the `MeltQuenchDocument` of the job before. The volume is constant
    until the relaxation.

    Parameters
    ----------
    engine
        Settings of the engine; one that moves atoms inside the Python process.
    relax
        Maker of the relaxation of the glass; by the same engine when none.
    line
        Composition line of the glasses, for their place and motifs; that of the
        relaxation when none.

    Examples
    --------
    >>> from lps_flows.chemistry import crystal
    >>> from lps_flows.flows.melt_quench import MeltQuenchFlowMaker
    >>> flow = MeltQuenchFlowMaker().make(crystal("beta-Li3PS4"), "beta")
    >>> flow.jobs[0].jobs[-1].name
    'beta 300 K melt-quench 19/19'
    """

    name: str = "melt-quench"
    engine: EngineSettings = field(default_factory=EngineSettings)
    settings: MeltQuenchSettings = field(default_factory=MeltQuenchSettings)
    relax: ReferenceRelaxMaker | None = None
    line: CompositionLine | None = None

    def make(
        self,
        structure: Structure | OutputReference,
        label: str | None = None,
        potential_uuid: Any = None,
        provenance: Provenance | None = None,
        seed: int | None = None,
    ) -> Flow:
        """Make the flow.

        Parameters
        ----------
        structure
            Structure to melt, of which small ones are repeated; or a reference to one,
            which is melted as it is.
        potential_uuid
            Job that trained the potential, for an engine that stands on one; or a
            reference to it.
        provenance
            Where the structure comes from; the parent is the label by default.
        seed
            Seed of the velocities; that of the settings by default.

        Raises
        ------
        MeltQuenchError
            When the melt is not hotter than the glass, or the engine has jobs of its
            own.
        """
        settings = self.settings
        programme = settings.programme()
        recalling, given = recall(potential=both(potential_uuid))
        potential = given["potential"]
        engine = get_engine(
            self.engine.on(None if potential is None else uuid_of(potential))
        )
        if not engine.in_process:
            raise MeltQuenchError(
                "this engine cannot run the chunks of a melt-quench",
                field="engine.name",
                value=engine.name,
                remedy="Use atomate2's MPMorph Makers with it, or a force field here",
            )
        if isinstance(structure, Structure):
            structure = bare_structure(structure)
            if len(structure) < settings.target_atoms:
                structure = supercell_near(structure, settings.target_atoms)
            label = label or full_formula(structure)
        label = label or self.name
        cooled = DynamicsFlowMaker(
            name=self.name,
            chunk=MDChunkMaker(engine=engine, settings=settings.dynamics()),
        ).make(
            structure,
            [Hold(*step, equilibration=True) for step in programme],
            label,
            seed,
            potential,
        )
        line = self._line()
        glass: Any = document_glass(
            cooled.output["last"],
            structure,
            settings=settings,
            chunk_uuids=cooled.output["chunk_uuids"],
            line=line,
        )
        glass.name = f"{label} glass"
        origin = provenance or Provenance(source="melt-quench", parent=label)
        facts = {
            "cooling_rate_K_per_ps": settings.cooling_rate,
            "melt_temperature_K": settings.melt_temperature,
        }
        relax = self.relax or ReferenceRelaxMaker(engine=engine, line=line)
        relaxed = failing_through(
            relax.make(
                glass.output.structure,
                origin.model_copy(update={"details": facts}),
                potential,
            )
        )
        relaxed.append_name(f" {label}")
        return Flow(
            [*recalling, cooled, glass, relaxed],
            output=relaxed.output,
            name=f"{self.name} {label}",
        )

    def glasses(
        self,
        parent: OutputReference,
        plan: CompositionPlan,
        *,
        potential: OutputReference,
        unrelaxed: Structure | None = None,
    ) -> list[Flow]:
        """Make the flows of one composition of a campaign."""
        flows = []
        for number in range(1, self.settings.n_structures + 1):
            seed = self.settings.seed + number - 1
            label = plan.name
            if self.settings.n_structures > 1:
                label += f" {number}"
            start: Any = melt_start(
                parent,
                **plan.removal(),
                parent_atoms=plan.target_atoms,
                target_atoms=self.settings.target_atoms,
                seed=seed,
                line=self._line(),
                unrelaxed=unrelaxed,
                potential=potential.method,
            )
            start.name = f"{label} to melt"
            molten = self.make(
                start.output,
                label,
                potential,
                Provenance(
                    source="melt-quench",
                    parent=plan.parent,
                    removed=plan.remove,
                    n_removed=plan.n_units,
                ),
                seed,
            )
            flow = Flow([start, molten], output=molten.output, name=molten.name)
            flow.update_metadata(
                {"composition": plan.formula, "parent": plan.parent}, dynamic=True
            )
            flows.append(flow)
        return flows

    def _line(self) -> CompositionLine:
        if self.line is not None:
            return self.line
        return self.relax.line if self.relax else CompositionLine()
