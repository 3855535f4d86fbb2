"""What can go wrong in a search, one class per kind."""

from __future__ import annotations

from lps_flows.foundation import LpsFlowsError


class EvolutionError(LpsFlowsError):
    """Base of the errors of a search."""


class ParentError(EvolutionError):
    """The parent crystal cannot carry the search that was asked for."""


class NothingSurvivedError(EvolutionError):
    """No structure of the first generation survived, however often it was redrawn."""
