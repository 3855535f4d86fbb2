"""What the keys of a campaign file have to do with each other."""

from __future__ import annotations

from collections.abc import Iterator

from lps_flows.chemistry import entry
from lps_flows.engines.registry import engine_names
from lps_flows.foundation import LpsFlowsError
from lps_flows.settings.keys import CampaignKeys

MOST_MISTAKES = 40
"""How many mistakes a person is told of at once."""


def mistakes(campaign: CampaignKeys) -> Iterator[str]:
    """Yield every mistake that no key alone shows: what, where, and the remedy.

    Parameters
    ----------
    campaign
        Settings of which every key is valid by itself.
    """
    yield from _engines(campaign)
    unknown = list(_unknown_crystals(campaign))
    if unknown:  # everything below asks for their compositions
        yield from unknown
        return
    yield from _not_listed(campaign)
    yield from _line(campaign)
    try:
        campaign.compositions()
    except LpsFlowsError as error:
        yield f"sampling.scans: {error}"


def _engines(campaign: CampaignKeys) -> Iterator[str]:
    chosen = {
        "engine": campaign.engine,
        "conductivity_engine": campaign.conductivity_engine,
    }
    for key, engine in chosen.items():
        if engine is not None and engine.name not in engine_names():
            yield (
                f"{key}.name = {engine.name!r}: there is no engine of this name. "
                f"Choose one of {', '.join(engine_names())}"
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
            "selection.references",
            campaign.selection.references,
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
    rule, classes = campaign.analysis.candidates, campaign.analysis.clusters
    told_apart = set(classes.references) & set(campaign.crystals)
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
    hull = campaign.analysis.hull.end_members
    if hull != ends:
        yield (
            f"analysis.hull.end_members = {list(hull)!r}: the campaign's line is "
            f"{list(ends)!r}. Leave the key out, or name the same line"
        )
    for field, element in (
        ("conductivity.analysis.mobile", campaign.conductivity.analysis.mobile),
        ("analysis.fingerprints.element", campaign.analysis.fingerprints.element),
    ):
        if element is not None and element not in campaign.line.elements:
            yield (
                f"{field} = {element!r}: not an element of the line. Choose one of "
                f"{', '.join(campaign.line.elements)}"
            )
