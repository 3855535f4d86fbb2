"""One YAML file is one campaign."""

from lps_flows.settings.campaign import CampaignSettings
from lps_flows.settings.file import CampaignFileError, load_campaign
from lps_flows.settings.keys import SamplingSettings

__all__ = ["CampaignFileError", "CampaignSettings", "SamplingSettings", "load_campaign"]
