"""The parts of the page that docs/results.py writes, one module for each kind."""
