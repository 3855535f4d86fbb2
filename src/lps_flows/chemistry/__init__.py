"""The composition line, the crystal library, supercells and removals."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.chemistry.bare import bare_structure
    from lps_flows.chemistry.cells import (
        SupercellError,
        substituted,
        supercell_multiples,
        supercell_near,
    )
    from lps_flows.chemistry.contacts import closest_contact, overlap
    from lps_flows.chemistry.crystal_files import OwnCrystalError
    from lps_flows.chemistry.formula import (
        composition_of,
        full_formula,
        is_formula,
        reduced_formula,
    )
    from lps_flows.chemistry.library import (
        CrystalEntry,
        DisorderedCrystalError,
        InconsistentCrystalError,
        UnknownCrystalError,
        crystal,
        crystals,
        entry,
    )
    from lps_flows.chemistry.line import CompositionLine, OffLineError, RemovalError
    from lps_flows.chemistry.orderings import OrderingError, OrderSettings, orderings
    from lps_flows.chemistry.own import OwnCrystal
    from lps_flows.chemistry.removal import (
        atoms_removed,
        left_over,
        removal_sites,
        remove_sites,
        remove_units,
        written_removal,
        written_unit,
    )
    from lps_flows.chemistry.symbols import (
        AnyStructure,
        StructureError,
        element_symbols,
    )

__all__ = [
    "AnyStructure",
    "CompositionLine",
    "CrystalEntry",
    "DisorderedCrystalError",
    "InconsistentCrystalError",
    "OffLineError",
    "OrderSettings",
    "OrderingError",
    "OwnCrystal",
    "OwnCrystalError",
    "RemovalError",
    "StructureError",
    "SupercellError",
    "UnknownCrystalError",
    "atoms_removed",
    "bare_structure",
    "closest_contact",
    "composition_of",
    "crystal",
    "crystals",
    "element_symbols",
    "entry",
    "full_formula",
    "is_formula",
    "left_over",
    "orderings",
    "overlap",
    "reduced_formula",
    "removal_sites",
    "remove_sites",
    "remove_units",
    "substituted",
    "supercell_multiples",
    "supercell_near",
    "written_removal",
    "written_unit",
]

show(__name__)
