"""What a job would refuse after hours of computing, told when a file is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pymatgen.core import Structure

from lps_flows.analysis.diffusivity import MIN_FRAMES
from lps_flows.analysis.fingerprints import descriptor_of
from lps_flows.chemistry import closest_contact
from lps_flows.engines import POTENTIAL_ENGINE, ForcesSettings
from lps_flows.engines.trained import load_potential, potential_file
from lps_flows.foundation import LpsFlowsError
from lps_flows.jobs.dataset_settings import SQUEEZED_FORCE
from lps_flows.jobs.labelled_files import file_hash
from lps_flows.jobs.perturbation import (
    md_starts,
    rattled_structures,
    removed_structures,
)
from lps_flows.jobs.thermal_cell import SHORTEST
from lps_flows.potential import published_names
from lps_flows.settings.keys import CampaignKeys

# A finer grid of distances resolves nothing and fills the memory.
_MOST_BINS = 20_000


def late_refusals(
    campaign: CampaignKeys, cells: Mapping[str, Structure]
) -> Iterator[str]:
    """Yield what a later job is bound to refuse: what, where, and the remedy.

    Parameters
    ----------
    campaign
        Settings of which every key is valid by itself.
    cells
        Cells of all its crystals, by key, as they are before any relaxation.
    """
    yield from _given_potentials(campaign, cells)
    yield from _potential(campaign, cells)
    yield from _learning(campaign)
    yield from _dataset(campaign, cells)
    yield from _distances(campaign, cells)
    yield from _sampling(campaign)
    if campaign.melt_quench is not None:
        yield from _tried("melt_quench", campaign.melt_quench.programme)
    yield from _analysis(campaign)
    yield from _conductivity(campaign, cells)


def _given_potentials(
    campaign: CampaignKeys, cells: Mapping[str, Structure]
) -> Iterator[str]:
    """Compare the elements with those of potentials that a file or a name leads to."""
    present = {str(e) for cell in cells.values() for e in cell.composition}
    for key in ("engine", "conductivity_engine"):
        engine: ForcesSettings | None = getattr(campaign, key)
        if engine is None or engine.name != POTENTIAL_ENGINE:
            continue
        given = engine.potential
        if given is None or not (given in published_names() or potential_file(given)):
            continue  # of a job, which only the store knows, or refused by the engine
        place = f"{key}.potential = {given!r}"
        try:
            species = load_potential(given).species
        except LpsFlowsError as error:
            yield f"{place}: {error}"
            continue
        if missing := sorted(present - set(species)):
            yield (
                f"{place}: it knows {', '.join(species)}, and the crystals hold "
                f"{', '.join(missing)}, too. Choose another engine"
            )


def _potential(campaign: CampaignKeys, cells: Mapping[str, Structure]) -> Iterator[str]:
    training = campaign.training
    present = sorted({str(e) for cell in cells.values() for e in cell.composition})
    species = training.species or present
    if missing := sorted(set(present) - set(species)):
        yield (
            f"training.species = {list(species)!r}: the crystals hold "
            f"{', '.join(missing)}, too. Add them, or leave the key out"
        )
    yield from _tried("training.descriptor", training.descriptor.descriptor, species)
    given = training.atomic_energies
    if given is not None and (missing := sorted(set(species) - set(given))):
        yield f"training.atomic_energies: no energy of {', '.join(missing)}. Add it"
    if training.energy_weight == training.force_weight == 0:
        yield (
            "training.energy_weight = 0.0: with force_weight = 0 nothing is learnt. "
            "Raise one of them"
        )
    if training.restarts < 2:
        for asked, leave in (
            (campaign.active_learning.rounds, "set active_learning.rounds to 0"),
            (campaign.conductivity.guard, "leave conductivity.guard out"),
        ):
            if asked:
                yield (
                    "training.restarts = 1: the members of a committee are compared. "
                    f"Train two or more, or {leave}"
                )


def _learning(campaign: CampaignKeys) -> Iterator[str]:
    learning = campaign.active_learning
    if not learning.rounds or learning.enough is None:
        return
    asked = len(campaign.compositions()) * learning.enough.n_lowest
    if learning.n_structures < asked:
        yield (
            f"active_learning.n_structures = {learning.n_structures}: the rounds are "
            f"judged by the {learning.enough.n_lowest} lowest of each search, {asked} "
            "in all, which must be labelled. Raise it above that, or lower "
            "enough.n_lowest"
        )


def _dataset(campaign: CampaignKeys, cells: Mapping[str, Structure]) -> Iterator[str]:
    dataset, line = campaign.dataset, campaign.line
    if not (dataset.isotropic_strains or dataset.n_strained or dataset.n_rattled):
        yield (
            "dataset.n_strained = 0: nothing is made around the crystals. Ask for "
            "strained or rattled cells"
        )
    files = dataset.labelled
    unreadable = [
        refusal
        for file in files
        for refusal in _tried("dataset.labelled", file_hash, file)
    ]
    yield from unreadable
    if not unreadable and len({*map(file_hash, files)}) < len({*files}):
        yield (
            f"dataset.labelled = {list(files)!r}: two of them hold the same, which "
            "would count twice. Name one"
        )
    largest = campaign.training.max_force
    if dataset.n_squeezed and largest is not None and largest < SQUEEZED_FORCE:
        yield (
            f"training.max_force = {largest:g}: most of the dataset.n_squeezed cells "
            f"would be labelled and left out. Set {SQUEEZED_FORCE:g} or more"
        )
    for key in campaign.training_crystals or campaign.crystals:
        if dataset.n_rattled:
            one = dataset.model_copy(update={"n_rattled": 1})
            yield from _tried("dataset", rattled_structures, cells[key], key, one)
    removed = dataset.n_removed or dataset.n_trajectories
    listed = list(campaign.training_crystals or campaign.crystals)
    for key in campaign.reference_set.parents(listed, line) if removed else ():
        if not line.contains(cells[key].composition):
            ends = " and ".join(line.end_members)
            yield (
                f"dataset.removal_parents = {key!r}: no mixture of {ends}, so no "
                "unit can be removed. "
                + ("Leave it out" if dataset.removal_parents else "Name the others")
            )
            continue
        if dataset.n_trajectories:
            yield from _tried("dataset", md_starts, cells[key], key, dataset, line)
        if dataset.n_removed:
            yield from _tried(
                "dataset", removed_structures, cells[key], key, dataset, line, 1
            )


def _sampling(campaign: CampaignKeys) -> Iterator[str]:
    search = campaign.sampling.evolution
    if search.generations and not any(search.weights.model_dump().values()):
        yield (
            "sampling.evolution.weights: every operator is off, so no child can be "
            "made. Give one of them a weight"
        )


def _distances(campaign: CampaignKeys, cells: Mapping[str, Structure]) -> Iterator[str]:
    """Compare every least distance with those that the crystals themselves have."""
    dataset, sampling = campaign.dataset, campaign.sampling
    least = campaign.training.descriptor.minimum_distance
    drawn = -dataset.max_strain if dataset.n_strained else 0.0
    smallest = 1 + min((*dataset.isotropic_strains, drawn))
    for key in campaign.training_crystals or campaign.crystals:
        strained = smallest * _shortest(cells[key])
        if least >= strained:
            yield (
                f"training.descriptor.minimum_distance = {least:g}: strained cells of "
                f"{key} have atoms {strained:.2f} Å apart. Lower it"
            )
    if dataset.n_rattled and least > dataset.min_distance:
        yield (
            f"training.descriptor.minimum_distance = {least:g}: the reference set "
            f"holds distances down to dataset.min_distance = {dataset.min_distance:g}. "
            "Lower it, or raise the other"
        )
    parents = list(dict.fromkeys(scan.parent for scan in sampling.scans))
    for key in parents:
        contact = closest_contact(cells[key])
        for name, fraction in (
            ("sampling.evolution.min_distance", sampling.evolution.min_distance),
            ("sampling.relaxation.min_distance", sampling.relaxation.min_distance),
        ):
            if fraction >= contact:
                yield (
                    f"{name} = {fraction:g}: the atoms of {key} itself are as close as "
                    f"{contact:.2f}, so every structure would be rejected. Lower it"
                )
    dynamics = campaign.active_learning.dynamics
    if campaign.active_learning.rounds and dynamics is not None:
        for key in dict.fromkeys((*parents, *campaign.md_references)):
            if dynamics.min_distance >= _shortest(cells[key]):
                yield (
                    f"active_learning.dynamics.min_distance = {dynamics.min_distance:g}"
                    f": the atoms of {key} itself are closer, so no frame would be "
                    "kept. Lower it"
                )


def _shortest(cell: Structure) -> float:
    """Return the shortest distance (Å) in a crystal."""
    reach = 1.1 * max(site.specie.atomic_radius or 2.0 for site in cell) * 2
    distances: Any = cell.get_neighbor_list(reach)[3]
    return float(min(distances, default=reach))


def _analysis(campaign: CampaignKeys) -> Iterator[str]:
    analysis = campaign.analysis
    fingerprints = analysis.fingerprints.on(campaign.line)
    yield from _tried("analysis.fingerprints", descriptor_of, fingerprints)
    species = fingerprints.species or ()
    if missing := sorted(set(campaign.line.elements) - set(species)):
        yield (
            f"analysis.fingerprints.species = {list(species)!r}: the line holds "
            f"{', '.join(missing)}, too. Add them, or leave the key out"
        )
    bins = analysis.rdf.r_max / analysis.rdf.bin_width
    if bins > _MOST_BINS:
        yield (
            f"analysis.rdf.bin_width = {analysis.rdf.bin_width:g}: makes {bins:.0f} "
            f"bins up to r_max. Make it larger; {_MOST_BINS} are the most"
        )


def _conductivity(
    campaign: CampaignKeys, cells: Mapping[str, Structure]
) -> Iterator[str]:
    transport = campaign.conductivity
    if len(transport.temperatures) < 2:
        yield (
            f"conductivity.temperatures = {list(transport.temperatures)!r}: an "
            "activation energy needs at least two. Give four, as the paper does"
        )
    frame = transport.time_step * transport.frame_interval
    if transport.production < MIN_FRAMES * frame:
        yield (
            f"conductivity.production = {transport.production:g}: shorter than the "
            f"{MIN_FRAMES} frames of {frame:g} fs that a diffusivity needs. Make it "
            "longer, or frame_interval smaller"
        )
    if 0 < transport.npt < (shortest := SHORTEST * transport.time_step):
        yield (
            f"conductivity.npt = {transport.npt:g}: a mean volume needs {SHORTEST} "
            f"steps or more. Make it {shortest:g} fs at least, or 0"
        )
    mobile = campaign.line.mobile
    for key in campaign.md_references:
        if mobile not in cells[key].composition:
            yield (
                f"selection.references = {key!r}: holds no {mobile}, which is the ion "
                "that moves. Leave it out"
            )


def _tried(place: str, make: Callable[..., Any], *arguments: Any) -> Iterator[str]:
    """Do what the job will do, on the crystals as they are; yield why it cannot."""
    try:
        make(*arguments)
    except LpsFlowsError as error:
        yield f"{place}: {error}"
