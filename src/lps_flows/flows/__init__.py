"""Compositions of Makers."""
