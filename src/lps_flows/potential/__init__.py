"""Neural-network potentials on Chebyshev descriptors, exact as ænet.

Usable on its own: structures of pymatgen or ASE in, energies, forces, stresses and
their uncertainty out; no workflow and no store needed.
"""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.chemistry import StructureError
    from lps_flows.potential.assessment import assess
    from lps_flows.potential.calculator import ANNCalculator
    from lps_flows.potential.dataset_files import LabelledStructures, read_labelled
    from lps_flows.potential.descriptor import ChebyshevDescriptor, DescriptorSettings
    from lps_flows.potential.error_report import ErrorReport
    from lps_flows.potential.errors import (
        DescriptorError,
        OverlappingAtomsError,
        PotentialError,
        PotentialFileError,
        TrainingError,
        UnknownElementError,
        XSFError,
    )
    from lps_flows.potential.fingerprint_setup import (
        FingerprintSetup,
        read_setup,
        write_setup,
    )
    from lps_flows.potential.model import ANNPotential
    from lps_flows.potential.network import ElementNetwork
    from lps_flows.potential.published import (
        PotentialCard,
        published_card,
        published_names,
    )
    from lps_flows.potential.relaxation import relax_batch
    from lps_flows.potential.relaxation_settings import (
        RelaxationResult,
        RelaxationSettings,
    )
    from lps_flows.potential.single_point_record import SinglePointResult, Trial
    from lps_flows.potential.single_point_relaxation import SinglePointRelaxation
    from lps_flows.potential.single_points import relax_by_single_points
    from lps_flows.potential.training import train_potential
    from lps_flows.potential.training_result import RestartHistory, TrainingResult
    from lps_flows.potential.training_settings import TrainingSettings
    from lps_flows.potential.uncertainty import committee_uncertainty, most_uncertain
    from lps_flows.potential.xsf import read_xsf, write_xsf

__all__ = [
    "ANNCalculator",
    "ANNPotential",
    "ChebyshevDescriptor",
    "DescriptorError",
    "DescriptorSettings",
    "ElementNetwork",
    "ErrorReport",
    "FingerprintSetup",
    "LabelledStructures",
    "OverlappingAtomsError",
    "PotentialCard",
    "PotentialError",
    "PotentialFileError",
    "RelaxationResult",
    "RelaxationSettings",
    "RestartHistory",
    "SinglePointRelaxation",
    "SinglePointResult",
    "StructureError",
    "TrainingError",
    "TrainingResult",
    "TrainingSettings",
    "Trial",
    "UnknownElementError",
    "XSFError",
    "assess",
    "committee_uncertainty",
    "most_uncertain",
    "published_card",
    "published_names",
    "read_labelled",
    "read_setup",
    "read_xsf",
    "relax_batch",
    "relax_by_single_points",
    "train_potential",
    "write_setup",
    "write_xsf",
]

show(__name__)
