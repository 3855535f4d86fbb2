"""What a composition turns into, by the voltage against the metal of its ion."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from lps_flows.schemas.base import Part


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

    formula: str = Field(description="Reduced formula.")
    mobile: str = Field(description="Element that is exchanged.")
    reduction: float = Field(
        description="Voltage below which it takes up the ion (V against the metal)."
    )
    oxidation: float = Field(
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
