"""What a composition turns into, by the voltage against the metal of its ion."""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from lps_flows.schemas.base import Part
from lps_flows.schemas.built import PlacedResult

WINDOW_INDEXES = ("structure_id", "campaign", "method", "formula_pretty", "x")

Voltage = Annotated[float, BeforeValidator(lambda v: math.inf if v is None else v)]
"""A voltage (V); stores that know no infinity hold null."""


class VoltageStep(NamedTuple):
    """The phases in equilibrium from one voltage up to that of the next step."""

    voltage: float
    """Lowest voltage at which they are (V against the metal)."""
    products: dict[str, float]
    """Formula units by reduced formula, per formula unit of the composition."""


class MetalReaction(NamedTuple):
    """What a composition and the metal of its ion become."""

    products: dict[str, float]
    """Formula units by reduced formula, per formula unit of the composition."""
    energy: float
    """Energy of the reaction per atom of all that reacts, the metal included
    (eV/atom); negative when it runs by itself."""


class ElectrochemicalWindow(Part):
    """Between which voltages a composition neither takes up nor gives off its ion.

    Examples
    --------
    >>> window = ElectrochemicalWindow(
    ...     formula="Li2S", mobile="Li", reduction=0.0, oxidation=2.2,
    ...     steps=[VoltageStep(0.0, {"Li2S": 1.0}), VoltageStep(2.2, {"S": 1.0})],
    ...     reaction_with_metal=MetalReaction({"Li2S": 1.0}, 0.0),
    ... )
    >>> window.steps[-1].products
    {'S': 1.0}
    """

    formula_pretty: str = Field(description="Reduced formula.")
    mobile: str = Field(description="Element that is exchanged.")
    reduction: float = Field(
        description="Voltage below which it takes up the ion (V against the metal)."
    )
    oxidation: Voltage = Field(
        description="Voltage above which it gives off the ion (V against the metal); "
        "infinite when it holds none."
    )
    steps: list[VoltageStep] = Field(
        description="Phases in equilibrium, ascending in voltage from 0 V."
    )
    reaction_with_metal: MetalReaction = Field(
        description="What it becomes in contact with the metal, at 0 V."
    )
    lacking: list[str] = Field(
        [],
        description="Known phases of two of its elements without an entry: steps "
        "through them are missing.",
    )


class InterfaceReaction(Part):
    """The mixture of a composition with a cathode or coating that releases most.

    Examples
    --------
    >>> InterfaceReaction(
    ...     partner="FeS2", energy=-0.02, share=0.4, products={"Li2S": 1.0},
    ... ).partner
    'FeS2'
    """

    partner: str = Field(description="Reduced formula of the cathode or coating.")
    energy: float = Field(
        description="Energy of the reaction (eV/atom of the mixture); 0 when the two "
        "do not react."
    )
    share: float = Field(description="Share of the partner's atoms in the mixture.")
    products: dict[str, float] = Field(
        description="Share of the atoms in each phase that forms, by reduced formula."
    )


class WindowDocument(PlacedResult):
    """Window of a structure's composition, and its own reaction with the metal."""

    energy_above_hull: float | None = Field(
        description="Distance above the hull of all elements (eV/atom)."
    )
    window: ElectrochemicalWindow | None = Field(
        description="Window of the composition, none when refused."
    )
    note: str | None = Field(
        description="Why the window, or a reaction with a partner, was refused."
    )
    reduction_error: float | None = Field(
        description="Standard error of the reduction limit (V), from that of the "
        "reference engine; none where that is unknown."
    )
    oxidation_error: float | None = Field(
        description="Standard error of the oxidation limit (V)."
    )
    metal_energy: float | None = Field(
        description="Energy of the structure's own reaction with the metal (eV/atom of "
        "all that reacts): its distance above the hull is released, too."
    )
    interfaces: list[InterfaceReaction] = Field(
        description="Reactions with the cathodes and coatings asked for."
    )
    settings: dict[str, Any] = Field(description="Settings of the builder.")
