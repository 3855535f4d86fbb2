"""One YAML file is one campaign."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.settings.campaign import CampaignSettings
    from lps_flows.settings.differences import Difference
    from lps_flows.settings.file import CampaignFileError, load_campaign
    from lps_flows.settings.keys import CampaignKeys, SamplingSettings

__all__ = [
    "CampaignFileError",
    "CampaignKeys",
    "CampaignSettings",
    "Difference",
    "SamplingSettings",
    "load_campaign",
]

show(__name__)
