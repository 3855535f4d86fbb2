"""The potentials that come with the package, each with its card."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pydantic import Field

from lps_flows.foundation import FrozenSettings
from lps_flows.potential.error_report import ErrorReport
from lps_flows.potential.errors import PotentialFileError

FOLDER = Path(str(files("lps_flows.potential"))) / "published"


class StatedEnergy(FrozenSettings):
    """What a published potential gives for one published structure."""

    structure: str = Field(description="File of the structure in docs/data/map.")
    energy: float = Field(description="Energy by the potential (eV/atom).")
    reference_energy: float | None = Field(
        description="The reference method's, where it was asked (eV/atom)."
    )


class PotentialCard(FrozenSettings):
    """What a published potential was trained on, and what it is worth where.

    Examples
    --------
    >>> from lps_flows.potential import PotentialCard, published_card
    >>> card = published_card("Li-P-S-dynamics")
    >>> isinstance(card, PotentialCard), card.n_structures, card.n_members
    (True, 428, 1)
    """

    name: str = Field(description="Name it is asked for by.")
    identifier: str = Field(description="`ANNPotential.identifier` of its file.")
    reference_method: str = Field(description="Method of the energies it learned.")
    n_structures: int = Field(description="Structures in its set.")
    n_members: int = Field(description="Members of its committee.")
    dataset_hash: str = Field(description="SHA-256 of the set, as in its metadata.")
    training: ErrorReport = Field(description="Errors on the training structures.")
    validation: ErrorReport = Field(description="Errors on structures held out.")
    by_source: dict[str, ErrorReport] = Field(description="Errors by source.")
    by_composition: dict[str, ErrorReport] = Field(description="Errors by formula.")
    by_temperature: dict[str, ErrorReport] = Field(
        description="Errors on frames of dynamics that were labelled because the "
        "committee was unsure of them, so the worst there are, by temperature (K); "
        "empty where none were."
    )
    limits: list[str] = Field(description="Where it must not be used.")
    stated: list[StatedEnergy] = Field(description="Energies to check a copy by.")


def published_names() -> list[str]:
    """Return the names of the potentials that come with the package.

    Examples
    --------
    >>> from lps_flows.potential import published_names
    >>> published_names()
    ['Li-P-S', 'Li-P-S-dynamics']
    """
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def published_file(name: str) -> Path:
    """Return the file of a published potential.

    Raises
    ------
    PotentialFileError
        When there is none of that name.
    """
    if name not in (names := published_names()):
        raise PotentialFileError(
            "no published potential has this name",
            field="name",
            value=name,
            remedy=f"Published are: {', '.join(names)}",
        )
    return FOLDER / f"{name}.safetensors"


def published_card(name: str) -> PotentialCard:
    """Return the card of a published potential: training, errors, limits.

    Raises
    ------
    PotentialFileError
        When there is none of that name.

    Examples
    --------
    >>> from lps_flows.potential import published_card
    >>> published_card("Li-P-S").reference_method
    'sevennet-7net-l3i5'
    """
    path = published_file(name).with_suffix(".json")
    return PotentialCard.model_validate_json(path.read_text(encoding="utf-8"))
