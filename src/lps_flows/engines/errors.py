"""What an engine cannot do."""

from __future__ import annotations

from lps_flows.foundation import LpsFlowsError


class EngineError(LpsFlowsError):
    """An engine is unknown, not installed, or gave no usable result."""
