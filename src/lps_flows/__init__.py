"""Recipes that map glass-ceramic battery electrolytes."""

from importlib.metadata import version

__version__ = version("lps-flows")
