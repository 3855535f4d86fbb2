"""The random generator's state in a form any store keeps exactly."""

from __future__ import annotations

from typing import Any

import numpy as np


def freeze_generator(rng: np.random.Generator) -> dict[str, Any]:
    """Return the state of a PCG64 generator, its 128-bit numbers as text.

    MongoDB holds integers of 64 bits only.
    """
    state = rng.bit_generator.state
    return {
        "bit_generator": state["bit_generator"],
        "state": str(state["state"]["state"]),
        "inc": str(state["state"]["inc"]),
        "has_uint32": int(state["has_uint32"]),
        "uinteger": int(state["uinteger"]),
    }


def thaw_generator(frozen: dict[str, Any]) -> np.random.Generator:
    """Return a generator that goes on from a frozen state."""
    bits = np.random.PCG64()
    bits.state = {
        "bit_generator": frozen["bit_generator"],
        "state": {"state": int(frozen["state"]), "inc": int(frozen["inc"])},
        "has_uint32": frozen["has_uint32"],
        "uinteger": frozen["uinteger"],
    }
    return np.random.Generator(bits)
