"""What an engine cannot do."""

from __future__ import annotations

from lps_flows.foundation import LpsFlowsError


class EngineError(LpsFlowsError):
    """An engine is unknown, not installed, or gave no usable result."""


BAD_STRUCTURE = (LpsFlowsError, ValueError, RuntimeError, ArithmeticError)
"""What a calculator inside this process raises over one bad structure: our own errors,
graph construction and linear algebra on unphysical cells, floating-point traps."""

_OF_THE_DEVICE = ("CUDA", "CUBLAS", "CUDNN", "OUT OF MEMORY", "DEFAULTCPUALLOCATOR")


def is_of_the_device(error: Exception) -> bool:
    """Tell whether an error is the machine's, not the structure's: it may work later.

    torch tells both by RuntimeError.

    Examples
    --------
    >>> is_of_the_device(RuntimeError("CUDA error: unspecified launch failure"))
    True
    >>> is_of_the_device(RuntimeError("expected a non-empty graph"))
    False
    """
    text = str(error).upper()
    return isinstance(error, RuntimeError) and any(w in text for w in _OF_THE_DEVICE)
