"""What the keys of a campaign file have to do with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, get_args

from pymatgen.core import Composition

from lps_flows.chemistry import entry, is_formula, reduced_formula
from lps_flows.engines.registry import engine_names, unread_keys
from lps_flows.engines.vasp_incar import incar_problems
from lps_flows.flows.sampling import CompositionPlan
from lps_flows.foundation import LpsFlowsError
from lps_flows.schemas.structure import Source
from lps_flows.settings.feasibility import late_refusals
from lps_flows.settings.keys import CampaignKeys


def mistakes(campaign: CampaignKeys) -> Iterator[str]:
    """Yield every mistake that no key alone shows: what, where, and the remedy.

    Parameters
    ----------
    campaign
        Settings of which every key is valid by itself.
    """
    yield from _engines(campaign)
    yield from _twice(campaign)
    unknown = list(_unknown_crystals(campaign))
    if unknown:  # everything below asks for their compositions
        yield from unknown
        return
    unlisted = list(_not_listed(campaign))
    yield from unlisted
    yield from _analysis(campaign)
    yield from _line(campaign)
    try:
        plans = campaign.compositions()
    except LpsFlowsError as error:
        yield f"sampling.scans: {error}"
        return
    yield from _same_search(plans)
    yield from _named(campaign, plans)
    if not unlisted:
        cells = {key: campaign.crystal(key) for key in campaign.crystals}
        yield from late_refusals(campaign, cells)


def _engines(campaign: CampaignKeys) -> Iterator[str]:
    chosen = {
        "engine": campaign.engine,
        "conductivity_engine": campaign.conductivity_engine,
    }
    for key, engine in chosen.items():
        if engine is None:
            continue
        if engine.name not in engine_names():
            yield (
                f"{key}.name = {engine.name!r}: there is no engine of this name. "
                f"Choose one of {', '.join(engine_names())}"
            )
        for problem in unread_keys(engine):
            yield f"{key}.{problem}"
        if engine.name == "vasp":
            for problem in incar_problems(engine.vasp):
                yield f"{key}.vasp.{problem}"
    moving = campaign.conductivity_engine or campaign.engine
    if campaign.conductivity.guard is not None and not moving.needs_potential:
        yield (
            f"conductivity.guard: the dynamics run on {moving.name!r}, and only the "
            "campaign's own potential has a committee to ask. Leave it out, or give "
            "conductivity_engine: {name: ann}"
        )


def _unknown_crystals(campaign: CampaignKeys) -> Iterator[str]:
    for key, own in campaign.own_crystals.items():
        try:
            entry(key)
        except LpsFlowsError:
            pass
        else:
            yield (
                f"own_crystals.{key}: the library has a crystal of this name. Choose "
                "another"
            )
        try:
            own.structure()
        except LpsFlowsError as error:
            yield f"own_crystals.{key}: {error}"
    for key in campaign.crystals:
        if key not in campaign.own_crystals:
            try:
                campaign.crystal(key)
            except LpsFlowsError as error:
                yield f"crystals: {error}"


def _not_listed(campaign: CampaignKeys) -> Iterator[str]:
    if campaign.training_crystals == ():
        yield (
            "training_crystals = []: the potential would know no crystal. Name some, "
            "or leave the key out for all"
        )
    rule = campaign.analysis.candidates
    asked = {*campaign.crystals, *campaign.compared_crystals, *rule.superionic}
    for key in sorted(set(campaign.own_crystals) - asked - set(rule.poor)):
        yield (
            f"own_crystals.{key}: nothing asks for it. Add it to crystals, or leave it "
            "out"
        )
    training = campaign.training_crystals or campaign.crystals
    for field, wanted, where, listed in (
        (
            "sampling.scans",
            [scan.parent for scan in campaign.sampling.scans],
            "crystals",
            campaign.crystals,
        ),
        ("training_crystals", training, "crystals", campaign.crystals),
        (
            "engine.held_cells",
            campaign.engine.held_cells or (),
            "crystals",
            campaign.crystals,
        ),
        ("selection.references", campaign.md_references, "crystals", campaign.crystals),
        (
            "phonons.crystals",
            campaign.phonons.crystals or () if campaign.phonons else (),
            "crystals",
            campaign.crystals,
        ),
        (
            "elasticity.crystals",
            campaign.elasticity.crystals or () if campaign.elasticity else (),
            "crystals",
            campaign.crystals,
        ),
        (
            "dataset.removal_parents",
            campaign.dataset.removal_parents or (),
            "training_crystals" if campaign.training_crystals else "crystals",
            training,
        ),
    ):
        missing = [key for key in dict.fromkeys(wanted) if key not in listed]
        if missing:
            yield (
                f"{field} = {missing!r}: not among the campaign's {where}. Add them to "
                f"{where}"
            )


def _twice(campaign: CampaignKeys) -> Iterator[str]:
    dynamics = campaign.active_learning.dynamics
    lists: dict[str, Sequence[Any]] = {
        "crystals": campaign.crystals,
        "training_crystals": campaign.training_crystals or (),
        "engine.held_cells": campaign.engine.held_cells or (),
        "dataset.removal_parents": campaign.dataset.removal_parents or (),
        "dataset.isotropic_strains": campaign.dataset.isotropic_strains,
        "dataset.labelled": campaign.dataset.labelled,
        "selection.references": campaign.md_references,
        "selection.compositions": campaign.selection.compositions,
        "conductivity.temperatures": campaign.conductivity.temperatures,
        "active_learning.dynamics.temperatures": dynamics.temperatures
        if dynamics
        else (),
        "analysis.clusters.references": campaign.compared_crystals,
        "analysis.candidates.superionic": campaign.analysis.candidates.superionic,
        "analysis.candidates.poor": campaign.analysis.candidates.poor,
    }
    for field, values in lists.items():
        if repeated := [value for value, n in Counter(values).items() if n > 1]:
            yield f"{field} = {repeated!r}: given twice. Name each once"


def _same_search(plans: Iterable[CompositionPlan]) -> Iterator[str]:
    """Yield searches that are asked for twice: their results would be the same."""
    for name, n in Counter(plan.name for plan in plans).items():
        if n > 1:
            yield (
                f"sampling.scans: {name} stands in them {n} times, which is the same "
                "search again. Leave it in one"
            )


def _named(campaign: CampaignKeys, plans: Iterable[CompositionPlan]) -> Iterator[str]:
    """Yield compositions that are to be run but that no scan reaches."""
    sampled = {reduced_formula(plan.formula): plan.formula for plan in plans}
    missing = []
    for named in campaign.selection.compositions:
        try:
            formula = reduced_formula(named)
        except ValueError:
            yield f"selection.compositions = {named!r}: not a formula"
            continue
        if formula not in sampled:
            missing.append(named)
        elif campaign.line.mobile not in Composition(formula):
            yield (
                f"selection.compositions = {named!r}: holds no "
                f"{campaign.line.mobile}, which is the ion that moves. Leave it out"
            )
    if missing:
        yield (
            f"selection.compositions = {missing!r}: no scan reaches them. Choose among "
            f"{', '.join(sorted(sampled))}, or add a scan"
        )


def _analysis(campaign: CampaignKeys) -> Iterator[str]:
    rule = campaign.analysis.candidates
    for field, keys in (
        ("analysis.clusters.references", campaign.compared_crystals),
        ("analysis.candidates.superionic", rule.superionic),
        ("analysis.candidates.poor", rule.poor),
    ):
        for key in keys:
            if key not in campaign.crystals:
                try:
                    campaign.crystal(key)
                except LpsFlowsError as error:
                    yield f"{field}: {error}"
    sources = get_args(Source)
    if strange := sorted(set(campaign.analysis.hull.glass_sources) - set(sources)):
        yield (
            f"analysis.hull.glass_sources = {strange!r}: no structure is made so. "
            f"Choose among {', '.join(sources)}"
        )
    windows = campaign.analysis.windows
    for field, formulas in (("against", windows.against), ("phases", windows.phases)):
        if strange := [formula for formula in formulas if not is_formula(formula)]:
            yield (
                f"analysis.windows.{field} = {strange!r}: this is no formula of "
                "elements. Write it like LiCoO2"
            )
    temperatures = campaign.analysis.phonons.temperatures
    ascend = all(low < high for low, high in pairwise((-1e-9, *temperatures)))
    if len(temperatures) < 2 or not ascend:
        yield (
            f"analysis.phonons.temperatures = {list(temperatures)!r}: a curve needs "
            "two or more, ascending from 0 K or above. Put them in order, or add some"
        )
    if not campaign.analysis.hull.glass_sources:
        yield (
            "analysis.hull.glass_sources = []: no structure would be a glass-ceramic. "
            "Name some, or leave the key out"
        )
    if "crystal" in campaign.analysis.hull.glass_sources:
        yield (
            "analysis.hull.glass_sources: crystals would be glass-ceramics. Leave "
            "'crystal' out"
        )
    told_apart = set(campaign.compared_crystals) & set(campaign.crystals)
    if not told_apart & set(rule.superionic):
        yield (
            f"analysis.candidates.superionic = {list(rule.superionic)!r}: none of "
            "these crystals is in this campaign, so the candidate rule has no class to "
            "look for. Name one of "
            f"{', '.join(sorted(told_apart)) or 'analysis.clusters.references'}, or "
            "add the crystal to crystals and to analysis.clusters.references"
        )


def _line(campaign: CampaignKeys) -> Iterator[str]:
    ends = campaign.line.end_members
    formulas = {
        campaign.crystal(key).composition.reduced_formula for key in campaign.crystals
    }
    missing = [end for end in ends if end not in formulas]
    if missing:
        yield (
            f"crystals: the end members {missing!r} of the line have no crystal, so no "
            "formation energy can be computed. Add them"
        )
    element = campaign.analysis.fingerprints.on(campaign.line).element
    if element is not None and element not in campaign.line.elements:
        yield (
            f"analysis.fingerprints.element = {element!r}: not an element of the line. "
            f"Choose one of {', '.join(campaign.line.elements)}"
        )
