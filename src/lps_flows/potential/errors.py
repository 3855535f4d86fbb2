"""The mistakes a user of the potential can make, one class each."""

from __future__ import annotations

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
