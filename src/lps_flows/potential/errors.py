"""The mistakes a user of the potential can make, one class each."""

from __future__ import annotations

import numpy as np

from lps_flows.chemistry import StructureError
from lps_flows.foundation import LpsFlowsError


class PotentialError(LpsFlowsError):
    """Base of all errors of this room."""


class DescriptorError(PotentialError):
    """A descriptor that cannot be: angular cutoff beyond the radial one, say."""


class UnknownElementError(PotentialError, StructureError):
    """A structure holds an element the potential was not made for."""


class OverlappingAtomsError(PotentialError, StructureError):
    """Two atoms are closer than any reference structure can have been.

    Attributes
    ----------
    structures
        Positions (from zero) in the list handed in of the structures concerned, so
        that a caller with a batch can drop them and go on.
    """

    structures: tuple[int, ...] = ()


class PotentialFileError(PotentialError):
    """A potential file (.nn, .nn.ascii, .stp, safetensors) that is malformed."""


class XSFError(PotentialError):
    """An XSF file that is malformed, or that lacks the energy asked for."""


class TrainingError(PotentialError):
    """A training set or training settings that cannot be used."""


# No weight, energy or scale of a trained potential is near it; beyond it, energies
# may not be finite.
_LARGEST = 1e10


def check_numbers(field: str, values: np.ndarray | float) -> None:
    """Raise `PotentialError` unless all values are finite and of a size that can be."""
    if not (np.isfinite(values).all() and np.abs(values).max(initial=0.0) <= _LARGEST):
        raise PotentialError(
            f"holds numbers that are not finite, or beyond {_LARGEST:g}",
            field=field,
            remedy="Take it again from the training that made it",
        )
