"""What every room stands on: typed errors and frozen settings."""

from lps_flows.foundation.errors import LpsFlowsError
from lps_flows.foundation.frozen import FrozenSettings

__all__ = ["FrozenSettings", "LpsFlowsError"]
