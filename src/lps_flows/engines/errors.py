"""What an engine cannot do."""

from __future__ import annotations

from lps_flows.foundation import LpsFlowsError


class EngineError(LpsFlowsError):
    """An engine is unknown, not installed, or gave no usable result."""


BAD_STRUCTURE = (LpsFlowsError, ValueError, RuntimeError, ArithmeticError)
"""What a calculator inside this process raises over one bad structure: our own errors,
graph construction and linear algebra on unphysical cells, floating-point traps."""
