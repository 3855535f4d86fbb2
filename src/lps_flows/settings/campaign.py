"""The settings of a whole campaign: the keys of its file, which fit together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, PrivateAttr, ValidationInfo, model_validator

from lps_flows.engines.trained import potential_file
from lps_flows.jobs.labelled_files import file_hash
from lps_flows.settings.differences import Difference, as_submitted, differences
from lps_flows.settings.keys import CampaignKeys

if TYPE_CHECKING:
    from jobflow import Flow

    from lps_flows.flows.campaign import CampaignMaker

MOST_MISTAKES = 40
"""How many mistakes a person is told of at once."""

ENGINES = ("engine", "conductivity_engine")
"""Keys of settings that may name a potential."""


class CampaignSettings(CampaignKeys):
    """Everything that determines the results of a campaign."""

    _folder: Path = PrivateAttr(Path())

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> CampaignSettings:
        self._folder = (info.context or {}).get("folder", Path())
        if info.context and info.context.get("fitted"):
            return self
        from lps_flows.settings.checks import mistakes

        if problems := list(islice(mistakes(self), MOST_MISTAKES)):
            raise ValueError("\n".join(problems))
        return self

    @property
    def recorded(self) -> dict[str, Any]:
        """All settings as plain data, to be kept with the campaign.

        What follows from the line counts as if it were named, and an own crystal, a
        file of labelled structures or of a potential with what is in it, wherever that
        lies.
        """
        plain = self.model_dump(mode="json")
        fingerprints = self.analysis.fingerprints.on(self.line)
        plain["analysis"]["fingerprints"] = fingerprints.model_dump(mode="json")
        plain["analysis"]["clusters"]["references"] = list(self.compared_crystals)
        charge = (
            self.conductivity.analysis.charge or self.line.charges[self.line.mobile]
        )
        plain["conductivity"]["analysis"]["charge"] = charge
        plain["selection"]["references"] = list(self.md_references)
        plain["own_crystals"] = {
            key: own.recorded() for key, own in self.own_crystals.items()
        }
        plain["dataset"]["labelled"] = [*map(file_hash, self.dataset.labelled)]
        for key, file in self._potential_files.items():
            plain[key]["potential"] = _sha256(file)
        return plain

    @property
    def given(self) -> dict[str, dict[str, Any]]:
        """What is needed to write the campaign file anew, beside all that is recorded.

        ``files``, the SHA-256 of their content by their path, and ``own_crystals`` as
        the campaign file has them, with that hash in place of their file.
        """
        files = {Path(file): file_hash(file) for file in self.dataset.labelled}
        files |= {file: _sha256(file) for file in self._potential_files.values()}
        crystals = {}
        for key, own in self.own_crystals.items():
            crystals[key] = own.model_dump(mode="json", exclude_defaults=True)
            if own.file is not None:
                file = Path(own.file)
                crystals[key]["file"] = sha256 = _sha256(file)
                files[file] = sha256
        return {
            "files": {str(file.absolute()): sha256 for file, sha256 in files.items()},
            "own_crystals": crystals,
        }

    @property
    def _potential_files(self) -> dict[str, Path]:
        """Files of given potentials, by the key of their engine."""
        engines = {key: getattr(self, key) for key in ENGINES}
        files = {
            key: potential_file(engine.potential)
            for key, engine in engines.items()
            if engine is not None and engine.potential is not None
        }
        return {key: file for key, file in files.items() if file is not None}

    @property
    def settings_hash(self) -> str:
        """SHA-256 over all settings: two files of equal hash give equal results."""
        text = json.dumps(self.recorded, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(
        self, submitted: Mapping[str, Any], *, complete: bool = True
    ) -> list[Difference]:
        """Return what a campaign was submitted with otherwise.

        Parameters
        ----------
        complete
            False when that is only some of the keys, left by a version with other
            defaults: the others are unknown, and what the file does not name is as
            it was submitted.
        """
        known = self._by_content(submitted)
        different = differences(known, self.recorded, complete=complete)
        return [entry for entry in different if complete or self._names(entry.key)]

    def _names(self, key: str) -> bool:
        table: object = self
        for part in key.split("."):
            if not isinstance(table, BaseModel) or part not in table.model_fields_set:
                return False
            table = getattr(table, part)
        return True

    def as_submitted(self, submitted: Mapping[str, Any]) -> CampaignKeys:
        """Return the settings a campaign was submitted with.

        Parameters
        ----------
        submitted
            What was `recorded` of it; these settings stand for what is not known.
        """
        return as_submitted(self._by_content(submitted), self.recorded, self)

    def _by_content(self, submitted: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was submitted as this version records it.

        Older ones recorded the path of a potential, as the campaign file had it.
        """
        known = dict(submitted)
        for key, file in self._potential_files.items():
            named = (known.get(key) or {}).get("potential")
            if isinstance(named, str) and Path(self._folder, named) == file:
                known[key] = {**known[key], "potential": _sha256(file)}
        return known

    def maker(self) -> CampaignMaker:
        """Build the Maker of the whole campaign.

        Raises
        ------
        EngineError, PotentialError
            When an engine is unknown or not installed, or a device is not there.
        """
        from lps_flows.settings.assembly import campaign_maker

        return campaign_maker(self)

    def flow(self) -> Flow:
        """Build the flow of the whole campaign.

        Raises
        ------
        EngineError, PotentialError
            When an engine is unknown or not installed, or a device is not there.
        """
        return self.maker().make(
            self.crystals,
            self.compositions(),
            training_crystals=self.training_crystals,
            structures={key: self.crystal(key) for key in self.own_crystals},
            disordered={
                key: order
                for key, own in self.own_crystals.items()
                if (order := own.disordered) is not None
            },
            # those held by default need not be crystals of the campaign
            held_cells=[key for key in self.engine.cells_held if key in self.crystals],
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
