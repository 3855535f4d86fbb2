"""One YAML file is one campaign."""

from lps_flows.settings.campaign import CampaignSettings, SamplingSettings
from lps_flows.settings.file import CampaignFileError, load_campaign

__all__ = ["CampaignFileError", "CampaignSettings", "SamplingSettings", "load_campaign"]
