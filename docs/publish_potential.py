"""Publish a potential as package data, with its card.

``python docs/publish_potential.py CAMPAIGN.yaml NAME`` takes the last potential of
the training stage, asks it for energies of what ``docs/publish.py`` has published, and
writes ``NAME.safetensors`` and ``NAME.json`` into ``lps_flows/potential/published``.
``python docs/publish_potential.py FILE.safetensors NAME METHOD`` takes a saved one that
was trained on energies of that method. ``python docs/publish_potential.py NAME`` states
the energies of a published one anew, after another map was published.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

from jobflow import JobStore
from pymatgen.core import Structure

from lps_flows.foundation.writing import file_name, write_text
from lps_flows.jobs.outputs import checked_parts
from lps_flows.potential import (
    ANNPotential,
    ErrorReport,
    PotentialCard,
    assess,
    published_card,
)
from lps_flows.potential.published import FOLDER, StatedEnergy
from lps_flows.schemas.potential import PotentialDocument
from lps_flows.schemas.structure import StructureDocument, StructureSet

MAP = Path(__file__).parent / "data" / "map"

LIMITS = (
    (
        "Li, P and S alone, on the Li2S-P2S5 line; it has seen single crystals of "
        "other stoichiometries at most."
    ),
    "The bulk: no surfaces, molecules or single atoms, no cell far from its volume.",
    (
        "Energies are its reference method's, a surrogate of PBE: they never mix with "
        "those of another method, and hulls by them keep its errors."
    ),
)
DYNAMICS = {
    "Li-P-S": (
        (
            "Dynamics: 149 frames of short runs are all that it has seen, and what is "
            "far from minima it takes for 16 meV/atom too low. In the relaxed cell "
            "beta-Li3PS4 conducts 45 (29 to 69) mS/cm at 300 K (30 ps at 700, 900, "
            "1200 and 1500 K) where AIMD gives 14; at no pressure its cell grows by "
            "12 to 16 % at 700 K and bursts at 1200 K."
        ),
    ),
    "Li-P-S-dynamics": (
        (
            "Energies of phases: it was made for dynamics to 1200 K, of beta-Li3PS4, "
            "Li7P3S11 and glass-ceramics near them (errors on unseen frames: "
            "docs/conductivity.md); at 1500 K all of them melt on it. One member, so "
            "no committee to ask."
        ),
    ),
}


def publish_potential(
    job_store: JobStore, campaign: str, name: str, folder: Path = FOLDER
) -> PotentialCard:
    """Write the last potential of a campaign's training and its card.

    Parameters
    ----------
    job_store
        Store of the campaign, connected.
    campaign
        Name of the campaign.
    name
        Name the potential is to be asked for by.
    folder
        Folder to write into.
    """
    jobs = checked_parts(job_store, campaign, PotentialDocument, load=True)
    # Those that guarded dynamics trained on the way are one structure's each.
    trained = [job for job in jobs if job.stage == "training"]
    newest = max(trained, key=lambda job: job.completed_at or "")
    document = PotentialDocument.from_store(newest.output)
    potential = ANNPotential.from_dict(document.potential)
    frames = [
        frame
        for job in checked_parts(job_store, campaign, StructureSet, load=True)
        for frame in StructureSet.from_store(job.output).entries
        if frame.provenance.source == "md"
        and frame.method == document.reference_method
        and "temperature" in frame.provenance.details
    ]
    return publish(
        potential,
        name,
        document.reference_method,
        _by_temperature(potential, frames),
        folder,
    )


def publish(
    potential: ANNPotential,
    name: str,
    method: str,
    by_temperature: Mapping[str, ErrorReport] | None = None,
    folder: Path = FOLDER,
) -> PotentialCard:
    """Write a potential and its card; what it was trained on stands in its metadata.

    Parameters
    ----------
    potential
        The potential.
    name
        Name it is to be asked for by.
    method
        Method of the energies it was trained on.
    by_temperature
        Its errors on frames of dynamics, by temperature (K).
    folder
        Folder to write into.
    """
    facts = potential.metadata
    card = PotentialCard(
        name=name,
        identifier=potential.identifier,
        reference_method=method,
        n_structures=facts["n_training"] + facts["n_validation"],
        n_members=len(potential.members),
        dataset_hash=facts["dataset"],
        **facts["errors"],
        by_temperature=by_temperature or {},
        limits=[*LIMITS, *DYNAMICS.get(name, ())],
        stated=_stated(potential, method),
    )
    folder.mkdir(exist_ok=True)
    potential.save(folder / f"{name}.safetensors")
    _write(card, folder)
    return card


def restate(name: str) -> None:
    """State a published potential's energies of the map that is published now."""
    card, potential = published_card(name), ANNPotential.published(name)
    stated = _stated(potential, card.reference_method)
    _write(card.model_copy(update={"stated": stated}), FOLDER)


def _write(card: PotentialCard, folder: Path) -> None:
    write_text(folder / f"{card.name}.json", card.model_dump_json(indent=1) + "\n")


def _by_temperature(
    potential: ANNPotential, frames: list[StructureDocument]
) -> dict[str, ErrorReport]:
    reports = assess(
        potential,
        [frame.structure for frame in frames],
        [frame.energy for frame in frames],
        [frame.forces for frame in frames],
        [f"{frame.provenance.details['temperature']:g}" for frame in frames],
    )
    return {label: report for label, report in reports.items() if label != "all"}


def _stated(potential: ANNPotential, method: str) -> list[StatedEnergy]:
    """Return energies of the structures that ``docs/publish.py`` has published."""
    energies = {
        row["structure_id"]: float(row["energy_per_atom"])
        for row in _table("structures")
        if row["method"] == method
    }
    stated = []
    for row in _table("hull"):
        file = MAP / "structures" / file_name(f"{row['label']}.cif")
        if file.exists():
            structure = Structure.from_file(file)
            energy = potential.evaluate(structure, forces=False, stress=False).energy
            stated.append(
                StatedEnergy(
                    structure=file.name,
                    energy=energy / len(structure),
                    reference_energy=energies.get(row["structure_id"]),
                )
            )
    return stated


def _table(name: str) -> list[dict[str, str]]:
    with (MAP / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def main(file: str, name: str = "", method: str = "") -> None:
    """Publish the last potential of a campaign file, or a saved one; or restate one."""
    if not name:
        restate(file)
    elif file.endswith(".safetensors"):
        publish(ANNPotential.load(file), name, method)
    else:
        from lps_flows.cli.campaign import submitted

        with submitted(Path(file)) as (place, settings):
            publish_potential(place.job_store, settings.name, name)


if __name__ == "__main__":
    main(*sys.argv[1:])
