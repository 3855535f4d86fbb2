"""What every room stands on: typed errors, frozen settings, safe decoding."""

from lps_flows.foundation.decoding import ForeignClassError, decode
from lps_flows.foundation.errors import LpsFlowsError
from lps_flows.foundation.frozen import FrozenSettings

__all__ = ["ForeignClassError", "FrozenSettings", "LpsFlowsError", "decode"]
