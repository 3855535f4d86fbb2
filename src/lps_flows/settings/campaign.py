"""The settings of a whole campaign: the keys of its file, which fit together."""

from __future__ import annotations

import hashlib
import json
from itertools import islice

from jobflow import Flow
from pydantic import model_validator

from lps_flows.flows.campaign import CampaignMaker
from lps_flows.settings.assembly import campaign_maker
from lps_flows.settings.checks import MOST_MISTAKES, mistakes
from lps_flows.settings.keys import CampaignKeys


class CampaignSettings(CampaignKeys):
    """Everything that determines the results of a campaign."""

    @model_validator(mode="after")
    def _fits_together(self) -> CampaignSettings:
        if found := list(islice(mistakes(self), MOST_MISTAKES)):
            raise ValueError("\n".join(found))
        return self

    @property
    def settings_hash(self) -> str:
        """SHA-256 over all settings: two files of equal hash give equal results."""
        plain = self.model_dump(mode="json")
        # a file counts with what is in it, wherever it lies
        plain["own_crystals"] = {
            key: own.structure().to(fmt="poscar")
            for key, own in self.own_crystals.items()
        }
        text = json.dumps(plain, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def maker(self) -> CampaignMaker:
        """Build the Maker of the whole campaign.

        Raises
        ------
        EngineError
            When an engine is unknown or not installed.
        """
        return campaign_maker(self)

    def flow(self) -> Flow:
        """Build the flow of the whole campaign.

        Raises
        ------
        EngineError
            When an engine is unknown or not installed.
        """
        return self.maker().make(
            self.crystals,
            self.compositions(),
            self.training_crystals,
            {key: self.crystal(key) for key in self.own_crystals},
        )
